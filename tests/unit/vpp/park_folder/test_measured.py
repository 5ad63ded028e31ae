"""The measured park against its data: days that can be played, and traps of the files that were mended."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from vpp.park_folder.contents import ContentsReader
from vpp.park_folder.problems import Findings
from vpp.park_folder.reader import read_descriptor
from vpp.park_folder.world import load_world

MEASURED = Path(__file__).resolve().parents[4] / "fixtures" / "parks" / "measured"
pytestmark = pytest.mark.data


@pytest.fixture
def history(data_root):
    park, findings = read_descriptor(MEASURED), Findings()
    reader = ContentsReader(park=park, park_dir=MEASURED, data_root=data_root, findings=findings, progress=lambda text: None)
    contents = reader.read(first=park.history.first, last=park.history.last, weather_last=park.history.last)
    findings.refuse()
    return contents


@pytest.mark.parametrize("day", [date(2018, 10, 29) + timedelta(days=k) for k in (0, 1, 2, 14, 27)])
def test_days_that_can_be_played(data_root, day):
    world = load_world(park_dir=MEASURED, data_root=data_root, day=day)
    assert len(world.grid) == 96
    assert all(len(sessions) > 0 for sessions in world.sessions.values())


def test_the_sun_stands_at_noon_and_never_at_night(history):
    for code in ("pv-steel", "pv-machine", "pv-material"):
        days = np.nan_to_num(history.natural_kw[code]).reshape(-1, 96)
        hours = (days.sum(axis=0) * np.arange(96)).sum() / days.sum() / 4
        assert 11 < hours < 13  # Shanghai clock, Hebei sun
        assert days[:, :16].sum() == 0


def test_work_is_by_day_and_prices_are_sometimes_negative(history):
    office = history.natural_kw["ld-machine"].reshape(-1, 96)
    assert np.nanmean(office[:, 40:64]) > np.nanmean(office[:, 8:20])
    assert (history.day_ahead_cny_per_mwh < 0).any()
    hourly = history.day_ahead_cny_per_mwh.reshape(-1, 4)
    assert (hourly.std(axis=1) == 0).all()  # the label was the interval's end; hours stay whole


def test_the_stand_in_for_real_time_is_the_day_ahead_price_of_a_week_later(history):
    week = 7 * 96
    assert np.array_equal(history.real_time_cny_per_mwh[:-week], history.day_ahead_cny_per_mwh[week:])


def test_steel_rests_at_the_weekend_because_weekdays_were_kept(history):
    days = history.natural_kw["ld-steel"].reshape(-1, 7, 96).mean(axis=(0, 2))  # history begins on a Monday
    assert days[6] < 0.7 * days[:5].mean()

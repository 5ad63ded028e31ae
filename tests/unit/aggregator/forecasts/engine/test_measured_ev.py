"""On some months of measured sessions of one Norwegian site: thresholds are what a first run reached, with some room."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from aggregator.forecasts.domain.engine.days import Days
from vpp.bench.accuracy.ev import outlook_of, scored
from vpp.bench.accuracy.ev_data import Sessions, read_sessions
from vpp.bench.accuracy.ev_need import hour_medians, issued_bands
from vpp.bench.accuracy.ev_series import sites_of
from vpp.bench.accuracy.figures import coverage, mae, rmse, skill
from vpp.bench.accuracy.replay import shifted

pytestmark = pytest.mark.data
SITE, WEEKS = "Trondheim", 26


@pytest.fixture
def sessions(data_root: Path) -> Sessions:
    found = read_sessions(data_root)
    if found is None or SITE not in found.sites:
        pytest.skip("the file of sessions is not there")
    table = found.table[found.table["site"] == found.sites.index(SITE)]
    start = int(table["arrives_at"].min() // 24)
    hours = {name: table[name] - 24.0 * start for name in ("arrives_at", "departs_at")}
    table = table.assign(site=0, **hours)
    table = table[table["arrives_at"] < WEEKS * 7 * 24].reset_index(drop=True)
    days = Days(found.days.first + timedelta(days=start), WEEKS * 7, found.days.slots, found.days.tz, found.days.type_of)
    return Sessions((SITE,), days, table)


def test_plugged_cars_of_the_next_hours(sessions: Sessions) -> None:
    sites = sites_of(sessions)
    with Progress(disable=True) as progress:
        found = scored(sessions, sites, "plugged", outlook_of(sessions, sites, sites.plugged, "plugged", progress), progress)
    where = np.broadcast_to(found.scored[..., None], found.actual.shape) & np.isfinite(found.run.day_ahead.low)
    errors = {slots: rmse(found.run.at(slots).mean, found.actual, where) for slots in (1, 16)}
    assert skill(errors[1], rmse(shifted(found.actual, 1), found.actual, where)) > 0.30
    assert skill(errors[16], rmse(found.run.day_ahead.mean, found.actual, where)) > 0.15
    for said in (found.run.day_ahead, found.run.at(1), found.run.at(16)):
        assert 0.74 < coverage(said.low, said.high, found.actual, where) < 0.86


def test_need_at_plug_in_of_known_users(sessions: Sessions) -> None:
    with Progress(disable=True) as progress:
        bands = issued_bands(sessions, "need_kwh", progress, refit_hours=28 * 24.0)
    actual, usual = sessions.table["need_kwh"].to_numpy(), hour_medians(sessions, "need_kwh")
    where = (sessions.table["arrives_at"] > 60 * 24.0).to_numpy() & (sessions.table["user"] >= 0).to_numpy() & np.isfinite(bands[1])
    assert skill(mae(bands[1], actual, where), mae(usual, actual, where)) > 0.15
    assert 0.74 < coverage(bands[0], bands[2], actual, where) < 0.88

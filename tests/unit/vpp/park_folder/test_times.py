"""Times of a table: never guessed; the days of 23 and 25 hours are read right or refused."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from vpp.park_folder.problems import Findings
from vpp.park_folder.times import read_times

PATH = Path("power.csv")


def read(texts, *, zone=None, shift=timedelta(), optional=False):
    findings = Findings()
    column = pd.Series(texts, index=pd.RangeIndex(1, len(texts) + 1))
    return read_times(column, zone=zone, shift=shift, path=PATH, findings=findings, optional=optional), findings


def local_day(day: str, zone: str) -> list[str]:
    """Quarter hours of one local day as clock times, in order, without offsets."""
    starts = pd.date_range(day, pd.Timestamp(day) + pd.Timedelta(days=1), freq="15min", inclusive="left")
    utc = pd.date_range(pd.Timestamp(day, tz=zone), pd.Timestamp(day, tz=zone) + pd.DateOffset(days=1), freq="15min", inclusive="left")
    assert len(starts) == 96
    return [at.strftime("%Y-%m-%d %H:%M") for at in utc]


def test_times_with_an_offset_need_no_zone():
    times, _findings = read(["2026-06-01T00:00:00+08:00", "2026-05-31T16:15:00Z"])
    assert [t.isoformat() for t in times] == ["2026-05-31T16:00:00+00:00", "2026-05-31T16:15:00+00:00"]


def test_naive_times_are_refused_unless_the_zone_is_declared():
    times, findings = read(["2026-06-01 00:00"])
    assert times is None
    assert (findings.problems[0].code, findings.problems[0].line) == ("time.naive", 2)
    times, findings = read(["2026-06-01 00:00"], zone="Asia/Shanghai")
    assert not findings.problems
    assert times.iloc[0].isoformat() == "2026-05-31T16:00:00+00:00"


def test_a_25_hour_day_has_100_quarters():
    texts = local_day("2026-10-25", "Europe/Berlin")
    times, findings = read(texts, zone="Europe/Berlin")
    assert not findings.problems
    assert (len(texts), times.nunique()) == (100, 100)
    assert (times.diff().dropna() == pd.Timedelta(minutes=15)).all()


def test_a_25_hour_day_with_its_double_hour_given_once_is_refused():
    texts = list(dict.fromkeys(local_day("2026-10-25", "Europe/Berlin")))
    _times, findings = read(texts, zone="Europe/Berlin")
    assert (findings.problems[0].code, findings.problems[0].line) == ("time.ambiguous", 2 + 8)
    assert "25-hour" in findings.problems[0].text


def test_a_23_hour_day_has_92_quarters_and_no_more():
    texts = local_day("2026-03-29", "Europe/Berlin")
    times, findings = read(texts, zone="Europe/Berlin")
    assert not findings.problems
    assert (times.nunique(), times.diff().max()) == (92, pd.Timedelta(minutes=15))
    _times, findings = read([*texts, "2026-03-29 02:30"], zone="Europe/Berlin")
    assert findings.problems[0].code == "time.nonexistent"


@pytest.mark.parametrize(
    ("texts", "code", "line"),
    [
        (["2026-06-01 00:00", "yesterday"], "time.unreadable", 3),
        (["2026-06-01T00:00:00Z", "2026-06-01 00:15"], "time.mixed", 3),
        (["2026-06-01T00:00:00Z", ""], "time.missing", 3),
    ],
)
def test_what_is_no_time_is_named_by_line(texts, code, line):
    _times, findings = read(texts)
    assert (findings.problems[0].code, findings.problems[0].line) == (code, line)


def test_an_unknown_zone_is_named():
    assert read(["2026-06-01 00:00"], zone="Asia/Atlantis")[1].problems[0].code == "time.unknown_zone"


def test_an_open_end_may_be_empty():
    times, findings = read(["2026-06-01T00:00:00Z", ""], optional=True)
    assert not findings.problems
    assert times.isna().tolist() == [False, True]


def test_a_shift_by_whole_weeks_keeps_the_weekday():
    times, _findings = read(["2022-09-05 00:00"], zone="Asia/Shanghai", shift=timedelta(weeks=-209))
    assert times.iloc[0].tz_convert("Asia/Shanghai").strftime("%Y-%m-%d %a") == "2018-09-03 Mon"

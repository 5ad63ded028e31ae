"""A column on the park's grid: what is absent stays absent, and is counted."""

from datetime import date, timedelta

import numpy as np
import pytest

from tests.unit.vpp.park_folder.small_park import SmallPark
from vpp.park_folder.contents import ContentsReader, days_grid
from vpp.park_folder.problems import Findings
from vpp.park_folder.reader import descriptor

JUNE_1, JUNE_7 = date(2026, 6, 1), date(2026, 6, 7)


@pytest.fixture
def small(tmp_path) -> SmallPark:
    return SmallPark(tmp_path / "small")


def contents(small: SmallPark, **encoding):
    findings = Findings()
    folder = small.write(**encoding)
    park = descriptor(folder, findings)
    if park is None:
        return None, findings
    reader = ContentsReader(park=park, park_dir=folder, data_root=None, findings=findings, progress=lambda text: None)
    return reader.read(first=JUNE_1, last=JUNE_7, weather_last=JUNE_7), findings


def codes(findings: Findings) -> set[str]:
    return {problem.code for problem in findings.problems}


def test_a_good_folder_is_read_without_a_word(small):
    read, findings = contents(small)
    assert (findings.problems, findings.notices) == ([], [])
    assert read.grid == days_grid(JUNE_1, JUNE_7, resolution=timedelta(minutes=15))
    assert read.natural_kw["pv-1"][:96].tolist() == [40.0 if 32 <= k < 64 else 0.0 for k in range(96)]
    assert (read.natural_kw["ld-1"] == 100).all()


def test_hourly_prices_are_repeated_only_where_that_is_declared(small):
    read, _findings = contents(small)
    assert read.day_ahead_cny_per_mwh.reshape(-1, 4).std(axis=1).max() == 0
    del small.data["series"]["prices"]["coarser"]
    assert codes(contents(small)[1]) == {"series.resolution"}


def test_prices_may_be_negative(small):
    read, _findings = contents(small)
    assert read.day_ahead_cny_per_mwh.min() < 0


def test_gaps_and_empty_cells_stay_missing_and_are_counted(small):
    del small.power[10:14]
    small.power[40][1] = ""
    small.power[41][1] = "NaN"
    read, findings = contents(small)
    assert np.isnan(read.natural_kw["pv-1"]).sum() == 6
    assert np.isnan(read.natural_kw["ld-1"]).sum() == 4
    assert [notice.code for notice in findings.notices] == ["series.gaps", "series.gaps"]
    assert "6 of 672" in findings.notices[0].text
    # Rows 10 to 13 are gone: the last line before them, and the local time of the first.
    assert {(n.path, n.line) for n in findings.notices} == {(str(small.folder / "power.csv"), 10)}
    assert "2026-06-01T02:15+08:00" in findings.notices[0].text


def test_an_empty_cell_is_reported_by_its_own_line(small):
    small.power[40][1] = "NaN"
    (notice,) = contents(small)[1].notices
    assert (notice.code, notice.line) == ("series.gaps", 41)


def test_finer_values_are_averaged_and_a_missing_part_makes_the_period_missing(small):
    small.data["series"]["power"]["resolution_s"] = 300
    rows = [["at", "pv-1", "ld-1"]]
    for row in small.power[1:]:
        minute = int(row[0][-2:])
        rows += [[f"{row[0][:-2]}{minute + k:02d}", str(k), row[2]] for k in (0, 5, 10)]
    rows[5][1] = ""
    small.power = rows
    read, _findings = contents(small)
    assert read.natural_kw["pv-1"][0] == 5.0
    assert np.isnan(read.natural_kw["pv-1"][1])


def test_a_label_at_the_end_of_its_interval_is_moved_to_the_start(small):
    small.data["series"]["power"]["label"] = "end"
    read, _findings = contents(small)
    assert read.natural_kw["pv-1"][31] == 40
    assert read.natural_kw["pv-1"][63] == 0


@pytest.mark.parametrize(("unit", "kw"), [("W", 0.1), ("kW", 100), ("kWh", 400), ("Wh", 0.4)])
def test_units(small, unit, kw):
    load = small.data["enterprises"][0]["sites"][0]["assets"][1]
    load["spec"] = {"rated_kw": 1e6, "must_run_kw": 0}
    load["power"] = {"series": "power", "unit": unit}
    read, _findings = contents(small)
    assert read.natural_kw["ld-1"][0] == pytest.approx(kw)


def test_an_unknown_unit_is_named_by_line(small):
    small.data["enterprises"][0]["sites"][0]["assets"][1]["power"] = {"series": "power", "unit": "PS"}
    _read, findings = contents(small)
    (problem,) = findings.problems
    assert (problem.code, problem.line) == ("unit.unknown", small.line_of("unit: PS"))
    assert "kWh" in problem.text


def test_generation_that_is_negative_in_the_file_is_flipped_once(small):
    small.data["enterprises"][0]["sites"][0]["assets"][0]["power"] = {"series": "power", "positive_is": "consumption"}
    for row in small.power[1:]:
        row[1] = f"-{row[1]}"
    read, findings = contents(small)
    assert not findings.problems
    assert read.natural_kw["pv-1"].max() == 40


def test_values_below_zero_are_refused_unless_their_meaning_is_declared(small):
    small.power[5][2] = "-3"
    small.power[9][2] = "-1"
    (problem,) = contents(small)[1].problems
    assert (problem.code, problem.path, problem.line) == ("value.below_zero", str(small.folder / "power.csv"), 6)
    small.power[9][2] = "1"
    small.data["enterprises"][0]["sites"][0]["assets"][1]["power"] = {"series": "power", "below_zero": "missing"}
    read, findings = contents(small)
    assert np.isnan(read.natural_kw["ld-1"][4])
    assert [(notice.code, notice.line) for notice in findings.notices] == [("value.below_zero", 6)]


def test_what_exceeds_the_rating_is_held_at_it_and_counted(small):
    small.power[5][2] = "900"
    read, findings = contents(small)
    assert read.natural_kw["ld-1"][4] == 300
    assert [(notice.code, notice.line) for notice in findings.notices] == [("value.above_rated", 6)]


def test_stamps_given_twice_are_refused_with_their_line(small):
    small.power.insert(12, list(small.power[11]))
    (problem,) = set(contents(small)[1].problems)
    assert (problem.code, problem.line) == ("time.duplicate", 13)


def test_text_and_infinity_are_no_numbers(small):
    small.power[7][1] = "n.a."
    small.power[9][2] = "inf"
    problems = contents(small)[1].problems
    assert [(p.code, p.line) for p in problems] == [("value.no_number", 8), ("value.no_number", 10)]


def test_times_off_the_grid_are_refused(small):
    small.power[3][0] += ":07"
    assert codes(contents(small)[1]) == {"time.off_grid"}


def test_a_missing_file_and_a_missing_column_are_named(small):
    small.data["series"]["power"]["file"] = "nowhere.csv"
    assert codes(contents(small)[1]) == {"file.missing"}
    small.data["series"]["power"]["file"] = "prices.csv"
    assert codes(contents(small)[1]) == {"column.missing"}


def test_gbk_tables_are_read_with_a_notice(small):
    small.power[0].append("备注")
    for row in small.power[1:]:
        row.append("正常")
    read, findings = contents(small, encoding="gbk")
    assert not findings.problems
    assert read.natural_kw["ld-1"][0] == 100
    assert [(notice.path, notice.line) for notice in findings.notices if notice.code == "file.gbk"] == [
        (str(small.folder / "power.csv"), 1)
    ]


def test_days_outside_the_file_are_a_problem_not_zeros(small):
    small.power = [small.power[0], *small.power[1 + 8 * 96 :]]
    assert codes(contents(small)[1]) == {"series.outside"}


def test_an_unsteered_station_draws_what_its_cars_need(small):
    read, _findings = contents(small)
    first_day = read.natural_kw["ev-2"][:96]
    assert first_day.sum() * 0.25 == pytest.approx(28)
    assert first_day.max() == 7


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda rows: rows.insert(3, list(rows[2])), "sessions.duplicate"),
        (lambda rows: rows[2].__setitem__(3, rows[2][2]), "sessions.backwards"),
        (lambda rows: [row.__setitem__(0, "elsewhere") for row in rows[1:]], "sessions.none"),
    ],
)
def test_impossible_sessions_are_refused(small, change, code):
    change(small.sessions)
    assert codes(contents(small)[1]) == {code}


def test_open_sessions_are_left_out_and_counted(small):
    small.sessions[2][3] = ""
    read, findings = contents(small)
    assert "c1" not in {stay.key for stay in read.stays["ev-2"]}
    assert [(notice.code, notice.line) for notice in findings.notices] == [("sessions.incomplete", 3)]

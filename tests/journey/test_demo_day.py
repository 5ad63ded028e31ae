"""`make demo SERVE=0`: the whole loop by its own command, on the embedded default and on real services."""

import json
import stat
from datetime import timedelta

from tests.check_summary import problems
from tests.journey.demo_process import Played, demo, manage, money


def test_the_day_is_what_a_delivery_day_must_be(played: Played) -> None:
    summary = played.summary
    assert problems(summary) == []


ALARMS = """
import json
from aggregator.support.models import Alarm
print("ALARMS" + json.dumps([[row.kind, row.fields] for row in Alarm.objects.order_by("raised_at", "pk")]))
"""


def test_the_planted_faults_are_found_by_name_and_nobody_else_is_accused(played: Played) -> None:
    raised = json.loads(manage("shell", "-v", "0", "-c", ALARMS, env=played.env).partition("ALARMS")[2])
    assert {fields["asset"] for kind, fields in raised if kind == "setpoint.contradicted"} == {"st-press"}
    assert {fields["gateway"] for kind, fields in raised if kind == "gateway.silent"} == {"gw-mach"}
    assert not [fields for kind, fields in raised if kind == "plan.violation"]


def test_it_says_where_it_comes_from(played: Played) -> None:
    summary, output = played.summary, played.output
    assert summary["synthetic"] is True
    assert "synthetic data" in output
    assert (summary["park"], summary["periods"]) == ("demo", 96)
    assert summary["assets"] >= 50


def test_the_costs_are_ordered_and_the_ratio_follows_from_them(played: Played) -> None:
    summary = played.summary
    without, with_vpp, perfect = (summary[f"cost_{way}_fen"] for way in ("without_vpp", "with_vpp", "perfect_foresight"))
    assert perfect <= with_vpp <= without
    assert abs(summary["captured_value_ratio"] - (without - with_vpp) / (without - perfect)) < 1e-12


def test_forecasts_beat_persistence_where_both_are_known(played: Played) -> None:
    summary = played.summary
    scored = [s for s in summary["forecast"].values() if s["nmae"] is not None and s["nmae_persistence"] is not None]
    assert len(scored) >= 4
    assert sum(score["nmae"] < score["nmae_persistence"] for score in scored) > len(scored) / 2


def test_a_late_correction_made_a_second_version_with_correction_lines(played: Played) -> None:
    summary = played.summary
    runs, _, _, rows = money(played.env)
    assert [version for _, version, *_ in runs] == [1, 2]
    assert summary["settlement_version"] == 2
    assert any(corrects == 1 for *_, corrects in rows)


def test_statements_and_lines_add_up_to_the_fen(played: Played) -> None:
    summary = played.summary
    runs, lines, statements, rows = money(played.env)
    for _, version, market, enterprises, operator in runs:
        mine = [line for line in lines if line[0] == version]
        assert sum(line[4] for line in mine) == market == enterprises + operator
        assert sum(total for of, _, total in statements if of == version) == enterprises
    for version, contract, total in statements:
        assert sum(row[5] for row in rows if row[:2] == [version, contract]) == total
    assert summary["statements_total_fen"] == max(runs, key=lambda run: run[1])[3]


def test_playing_it_again_changes_nothing_and_says_so(played: Played) -> None:
    before = money(played.env)
    again = demo(played.env)
    assert "was played already; nothing was changed" in again.output
    assert again.summary == played.summary
    assert money(played.env) == before


def test_run_day_prints_the_same_summary_as_json(played: Played) -> None:
    summary = played.summary
    output = manage("run_day", "demo", "--day", summary["delivery_day"], "--json", "-", env=played.env)
    assert json.loads(output) == summary


def test_the_logins_are_readable_by_their_owner_only(played: Played) -> None:
    file = played.folder / "demo" / "logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [login["place"] for login in json.loads(file.read_text())] == ["/staff/", "/portal/", "/portal/"]


def test_wall_time_is_told_step_by_step(played: Played) -> None:
    summary = played.summary
    names = [step["name"] for step in summary["steps"]]
    assert {"import", "forecast", "bid", "schedule", "delivery day", "settlement", "correction", "comparison"} <= set(names)
    assert timedelta(0) < timedelta(seconds=sum(step["seconds"] for step in summary["steps"])) < timedelta(minutes=15)

"""`manage.py run_day fixtures/parks/measured`: the same loop on series that nobody here made. One day; README.md names three."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.check_summary import KEYS
from tests.journey.demo_process import environment, manage

pytestmark = pytest.mark.data
DAY = "2018-11-06"  # windy, dark, no negative price by day
DEAD = 'from aggregator.support.models import Job; print("DEAD", Job.objects.filter(state="dead").count())'


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("measured"))


@pytest.fixture(scope="module")
def command(env: dict[str, str]) -> tuple[str, ...]:
    return ("run_day", "fixtures/parks/measured", "--data-root", env["VPP_DATA_ROOT"], "--day", DAY, "--json")


@pytest.fixture(scope="module")
def summary(env: dict[str, str], command: tuple[str, ...]) -> dict[str, Any]:
    file = Path(env["VPP_VAR_DIR"]) / "summary.json"
    output = manage(*command, str(file), env=env)
    assert "measured data" in output
    return json.loads(file.read_text())


def test_everything_is_told_or_says_why_not(summary: dict[str, Any]) -> None:
    assert [key for key in KEYS if key not in summary] == []
    assert [key for key in KEYS if summary[key] is None and not summary.get(f"{key}_reason")] == []
    assert (summary["park"], summary["delivery_day"], summary["synthetic"], summary["periods"]) == ("measured", DAY, False, 96)


def test_the_money_adds_up_and_no_limit_was_broken(summary: dict[str, Any], env: dict[str, str]) -> None:
    assert summary["revenue_fen"] == summary["statements_total_fen"] + summary["operator_fen"]
    assert (summary["unallocated_fen"], summary["limit_violations"]) == (0, 0)
    assert manage("shell", "-v", "0", "-c", DEAD, env=env).split("DEAD")[-1].strip() == "0"


def test_each_cost_is_the_sum_of_its_parts_and_none_beats_perfect_foresight(summary: dict[str, Any]) -> None:
    ways = {"without": "without_vpp", "with": "with_vpp", "perfect": "perfect_foresight"}
    cost = {way: summary[f"cost_{name}_fen"] for way, name in ways.items()}
    gains = ("spot_fen", "demand_response_fen", "stored_value_fen")
    for way, parts in summary["cost_parts_fen"].items():
        amounts = [-fen if name in gains else fen for name, fen in parts.items() if name != "cost_fen"]
        assert sum(amounts) == parts["cost_fen"] == cost[way], way
    assert cost["perfect"] <= cost["with"] <= cost["without"]
    ratio = (cost["without"] - cost["with"]) / (cost["without"] - cost["perfect"])
    assert math.isclose(summary["captured_value_ratio"], ratio)


def test_the_called_energy_was_delivered_or_is_missing(summary: dict[str, Any]) -> None:
    assert 0 < summary["award_mwh"] <= summary["bid_mwh"] <= 3.0 * 2  # never more than was asked for
    assert summary["instruction_mwh"] == pytest.approx(summary["delivered_mwh"] + summary["deficiency_mwh"])
    assert summary["contradicted"] >= 1
    assert summary["redispatched"] >= 1


def test_every_forecast_is_scored_and_the_portfolio_nets_its_members_errors(summary: dict[str, Any]) -> None:
    scores = dict(summary["forecast"])
    assert scores.pop("storage")["nmae_reason"] == "follows_schedule"
    assert set(scores) == {"ev_station", "load", "pv", "wind", "portfolio"}
    if scores["ev_station"]["nmae"] is None:  # both stations were moved by us all day
        assert scores.pop("ev_station")["nmae_reason"] == "no_forecast"
    for kind, score in scores.items():
        assert 0 < score["nmae"] < 0.5, kind
        assert 0 < score["nmae_persistence"] < 0.6, kind
        assert 0 <= score["coverage_p10_p90"] <= 1, kind
    assert scores["portfolio"]["nmae"] < max(scores[kind]["nmae"] for kind in ("load", "pv", "wind"))


def test_again_changes_nothing(summary: dict[str, Any], env: dict[str, str], command: tuple[str, ...]) -> None:
    file = Path(env["VPP_VAR_DIR"]) / "again.json"
    assert "was played already; nothing was changed" in manage(*command, str(file), env=env)
    assert json.loads(file.read_text()) == summary

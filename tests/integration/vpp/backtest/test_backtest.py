"""`manage.py backtest`: the same figures however often, in one go or broken off; refusals in words."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from aggregator.assets.queries import members_on
from aggregator.forecasts.models import ForecastRun, ForecastState
from aggregator.forecasts.operations import STATES_KEPT, Shard, State
from aggregator.kernel.periods import SHANGHAI, midnight
from aggregator.telemetry.models import TelemetryDay
from tests.integration.aggregator.forecasts.park import DAY, ONE_DAY, Built, build, write_day
from vpp.backtest import run as running
from vpp.backtest.states import FolderStates

pytestmark = pytest.mark.django_db

FIRST, LAST = (DAY - ONE_DAY).isoformat(), DAY.isoformat()


@pytest.fixture
def built(settings, tmp_path: Path) -> Built:
    settings.VAR_DIR = tmp_path / "var"
    settings.LANGUAGE_CODE = "en"
    return build()


def backtest(target: Path, *more: str) -> str:
    call_command("backtest", "small", "--from", FIRST, "--to", LAST, "--json", str(target), *more)
    return target.read_text()


def test_figures_twice_the_same_and_again_without_computing(built: Built, tmp_path: Path, monkeypatch, capsys) -> None:
    first = backtest(tmp_path / "a.json")
    assert "day_ahead" in capsys.readouterr().out
    found = json.loads(first)
    rows = {(row["kind"], row["horizon"]): row for row in found["scores"]}
    assert {kind for kind, _ in rows} == {"portfolio", "pv", "wind", "load", "ev_station"}
    assert {horizon for _, horizon in rows} == {"15min", "1h", "4h", "day_ahead"}
    assert rows["pv", "day_ahead"]["values"] == 192
    assert 4 <= rows["pv", "1h"]["values"] <= 12
    assert all(0 < row["nmae_ratio"] < 2 for row in rows.values())
    assert rows["load", "1h"]["live_ratio"] < 0.2  # history is known a day at a time: only at midnight is it of the hour before
    assert [row["coverage_p10_p90_ratio"] for row in found["assets"]] == sorted(row["coverage_p10_p90_ratio"] for row in found["assets"])
    assert found["missed"] == []
    assert not ForecastRun.objects.exists()
    assert not ForecastState.objects.exists()
    assert backtest(tmp_path / "b.json", "--fresh") == first
    monkeypatch.setattr(running, "compute_availability", None)
    assert backtest(tmp_path / "c.json") == first


def test_broken_off_and_gone_on_with_gives_the_same(built: Built, tmp_path: Path, monkeypatch, settings) -> None:
    whole = backtest(tmp_path / "a.json")
    settings.VAR_DIR = tmp_path / "other"
    compute, left = running.compute_availability, 4  # in the middle of the second day of issues

    def interrupted(**asked):  # type: ignore[no-untyped-def]
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return compute(**asked)

    monkeypatch.setattr(running, "compute_availability", interrupted)
    with pytest.raises(CommandError) as stopped:
        backtest(tmp_path / "b.json")
    assert stopped.value.returncode == 130
    assert not (tmp_path / "b.json").exists()
    done = list(settings.VAR_DIR.rglob("days/*/*.json"))
    assert len(done) == 1
    monkeypatch.setattr(running, "compute_availability", compute)
    assert backtest(tmp_path / "b.json") == whole
    assert not list(settings.VAR_DIR.rglob("*.state"))


def test_other_inputs_are_another_backtest(built: Built, tmp_path: Path) -> None:
    first = json.loads(backtest(tmp_path / "a.json", "--kind", "wind"))
    assert {row["kind"] for row in first["scores"]} == {"wind"}
    write_day(built, DAY - 3 * ONE_DAY, scale=0.5)
    second = json.loads(backtest(tmp_path / "b.json", "--kind", "wind"))
    assert second["inputs_hash"] != first["inputs_hash"]
    assert second["scores"] != first["scores"]


def test_a_day_without_measurements_or_members_is_named_and_the_rest_goes_on(built: Built, tmp_path: Path) -> None:
    TelemetryDay.objects.filter(day=DAY - ONE_DAY).delete()
    found = json.loads(backtest(tmp_path / "a.json", "--kind", "load"))
    assert {(row["day"], row["issue"], row["reason"]) for row in found["missed"]} == {
        (FIRST, "day_ahead", "no_actual"),
        (FIRST, "re-issue", "no_actual"),
    }
    assert {row["values"] for row in found["scores"] if row["horizon"] == "day_ahead"} == {96}
    built.portfolio.members.filter(asset=built.assets["wind"]).update(valid_to=DAY)
    found = json.loads(backtest(tmp_path / "b.json", "--kind", "wind"))
    assert ("forecasts.portfolio_empty", LAST) in {(row["reason"], row["day"]) for row in found["missed"]}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (["nowhere"], "backtest.unknown_park"),
        (["small", "--portfolio", "none"], "backtest.unknown_portfolio"),
        (["small", "--kind", "storage"], "backtest.unknown_kind"),
        (["small", "--kind", "coal"], "backtest.unknown_kind"),
        (["small", "--from", LAST, "--to", FIRST], "backtest.empty_range"),
        (["small", "--to", "2999-01-01"], "backtest.not_over"),
        (["small", "--from", "0001-01-01"], "backtest.outside_history"),
        (["small", "--to", (DAY + 9 * ONE_DAY).isoformat()], "backtest.outside_history"),
    ],
)
def test_refusals_are_named(built: Built, asked: list[str], code: str) -> None:
    with pytest.raises(CommandError, match=f"^{code}: "):
        call_command("backtest", *asked)


def test_without_telemetry_there_is_nothing_to_test(built: Built) -> None:
    TelemetryDay.objects.all().delete()
    with pytest.raises(CommandError, match=r"^backtest\.no_history: "):
        call_command("backtest", "small")


def test_two_at_a_time_are_refused(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with running._alone(folder), pytest.raises(running.AlreadyRunning), running._alone(folder):
        pass


def test_states_keep_the_last_three_days_and_go_by_the_members(built: Built, tmp_path: Path) -> None:
    members = members_on(portfolio_id=built.portfolio.pk, day=DAY)
    shard = Shard(built.portfolio, "pv", 0, members[:2], timedelta(minutes=15), SHANGHAI)
    other = Shard(built.portfolio, "pv", 0, members[:1], timedelta(minutes=15), SHANGHAI)
    states = FolderStates(tmp_path)
    kept = [
        State.of(day=DAY + k * ONE_DAY, built_at=midnight(DAY), built_day=DAY, asset_ids=shard.ids, data=bytes([k, 10, k]))
        for k in range(5)
    ]
    for state in kept:
        assert states.keep(shard, state) == state
    assert states.newest(shard, by=DAY + 9 * ONE_DAY, built_after=DAY - ONE_DAY) == kept[4]
    assert states.newest(shard, by=DAY + 3 * ONE_DAY, built_after=DAY - ONE_DAY) == kept[3]
    assert states.newest(shard, by=DAY + (4 - STATES_KEPT) * ONE_DAY, built_after=DAY - ONE_DAY) is None
    assert states.newest(shard, by=DAY + 9 * ONE_DAY, built_after=DAY) is None
    assert states.newest(other, by=DAY + 9 * ONE_DAY, built_after=DAY - ONE_DAY) is None

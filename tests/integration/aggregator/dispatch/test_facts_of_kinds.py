"""What a plan knows of rooms, cars, slow loads and sold reserve, from rows: telemetry, timetable, setpoints, commitments."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from aggregator.assets.domain import Reserve, kind_of, parse_spec, two_way_charger
from aggregator.assets.models import Asset, PortfolioMember
from aggregator.assets.operations import write_commitment
from aggregator.dispatch.domain import check_schedule, solve_schedule
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations._inputs import Gathered, Prices, gather
from aggregator.forecasts.models import AvailabilityForecast
from aggregator.gateways.models import Channel
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import pack_f4
from tests.integration.aggregator.dispatch.park import ISSUED_AT, MIDNIGHT, Built, StubGateway, build, grid, measure

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
ROOM = {"rated_kw": 100, "capacity_kwh_per_k": 100, "loss_kw_per_k": 8, "comfort_min_c": 23, "set_point_c": 25, "comfort_max_c": 27}
CAR = {
    "battery_kwh": 100,
    "charge_kw": 40,
    "discharge_kw": 40,
    "charge_efficiency": 1,
    "discharge_efficiency": 1,
    "timetable": [{"arrives_hour": 18.5, "stay_hours": 12, "arrival_soc_ratio": 0.4, "departure_soc_ratio": 0.9}],
}
FURNACE = {
    "rated_kw": 200,
    "must_run_kw": 50,
    "max_calls_per_day": 2,
    "all_or_nothing": True,
    "rest_minutes": 60,
    "rebound_hours": 0.5,
    "rebound_ratio": 0.2,
}


@pytest.fixture
def built() -> Built:
    made = build(endpoints={"a": StubGateway(port=9), "b": StubGateway(port=9)})
    for code, kind, spec in (("room", "air_conditioning", ROOM), ("car", "two_way_charger", CAR), ("furnace", "load", FURNACE)):
        complete = parse_spec(kind, spec)
        asset = Asset.objects.create(
            site=made.sites["a"], code=code, kind=kind, name_zh=code, name_en=code, spec=complete.model_dump(mode="json")
        )
        PortfolioMember.objects.create(portfolio=made.portfolio, asset=asset, valid_from=date(2026, 1, 1))
        Channel.objects.create(gateway=made.gateways["a"], asset=asset)
        made.assets[code] = asset
        day = grid()
        if kind == "two_way_charger":
            given = {
                "stays": two_way_charger.stays_of(
                    complete, two_way_charger.sessions_of(complete, starts_at=MIDNIGHT, ends_at=day.ends_at), grid=day
                )
            }
        else:
            given = {"natural_kw" if kind == "air_conditioning" else "load_kw": np.full(len(day), 60.0 if code == "room" else 150.0)}
        envelope = kind_of(kind).physics.envelope(complete, grid=day, **given)
        AvailabilityForecast.objects.create(
            run=made.run,
            asset=asset,
            level="expected",
            **{name: pack_f4(getattr(envelope, name)) for name in ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh")},
            notice_s=envelope.notice_s,
            quality=envelope.quality,
        )
    return made


def gathered(built: Built, *, issued_at: datetime = ISSUED_AT, on: Grid | None = None) -> Gathered:
    on = on or grid()
    given = built.prices()
    first = (on.starts_at - grid().starts_at) // on.resolution
    prices = Prices(**given, terminal_value_cny_per_kwh=0.4).tail(first)
    return gather(portfolio_id=built.portfolio.pk, grid=on, run_id=built.run.pk, prices=prices, issued_at=issued_at)


def told(
    built: Built, code: str, kind: str, starts_at: datetime, ends_at: datetime, value_kw: float, *, reason: str = "serve_target"
) -> None:
    number = DispatchPlan.objects.count() + 1
    plan = DispatchPlan.objects.create(
        portfolio=built.portfolio, purpose="schedule", reference=f"r{number}", sequence=number, issued_at=ISSUED_AT - 30 * HOUR,
        starts_at=starts_at, resolution_s=900, n_periods=1, planned_kw=b"", solver_status="optimal", inputs_hash="",
    )  # fmt: skip
    Setpoint.objects.create(
        plan=plan, asset=built.assets[code], kind=kind, starts_at=starts_at, ends_at=ends_at, value_kw=value_kw, fallback_kw=0,
        reason=reason, state="accepted", acknowledge_by=ISSUED_AT,
    )  # fmt: skip


def facts(found: Gathered, code: str):
    return found.facts[f"one/a/{code}"]


def notes(found: Gathered, built: Built, code: str) -> list[str]:
    return [row["note"] for row in found.notes if row["asset"] == str(built.assets[code].public_id)]


def test_a_room_that_was_never_measured_is_not_moved(built) -> None:
    found = gathered(built)
    assert not facts(found, "room").movable
    assert notes(found, built, "room") == ["soc_unknown"]
    device = found.problem.devices["one/a/room"][1]
    np.testing.assert_allclose(device.fixed_kw, -60)


def test_a_room_is_at_its_set_point_tomorrow_and_where_it_was_measured_now(built) -> None:
    measure(built.assets["room"], starts_at=ISSUED_AT - HOUR, minutes=60, injection_kw=-60, soc_ratio=0.8)
    assert facts(gathered(built), "room").stored_kwh == pytest.approx(200)
    now = MIDNIGHT + 3 * HOUR
    measure(built.assets["room"], starts_at=now - HOUR, minutes=60, injection_kw=-60, soc_ratio=0.25)
    here = gathered(built, issued_at=now, on=grid().tail(12))
    assert facts(here, "room").stored_kwh == pytest.approx(100)
    later = now + 3 * HOUR
    lost = gathered(built, issued_at=later, on=grid().tail(24))
    assert facts(lost, "room").stored_kwh is None
    assert notes(lost, built, "room") == ["soc_stale"]


def test_a_car_that_comes_later_is_known_from_its_timetable_and_setpoints(built) -> None:
    stays = facts(gathered(built), "car").stays  # issued at 18:00, before it has come: charges at once until midnight
    assert [(s.first, s.end) for s in stays] == [(0, 26), (74, 96)]
    assert stays[0].initial_kwh == pytest.approx(90)
    told(built, "car", "injection_kw", MIDNIGHT - 5.5 * HOUR, MIDNIGHT - 4.5 * HOUR, 20.0)
    told(built, "car", "injection_kw", MIDNIGHT - 4.5 * HOUR, MIDNIGHT, -10.0)
    held = facts(gathered(built), "car").stays[0].initial_kwh
    assert held == pytest.approx(30 + 45)  # (never below the driver's thirty)


def test_a_car_that_is_there_was_measured_and_one_that_is_not_is_missing(built) -> None:
    now = MIDNIGHT + 2 * HOUR
    rest = grid().tail(8)
    silent = gathered(built, issued_at=now, on=rest)
    assert facts(silent, "car").stays is None
    assert not facts(silent, "car").movable
    measure(built.assets["car"], starts_at=now - HOUR, minutes=60, injection_kw=0, soc_ratio=0.55)
    assert facts(gathered(built, issued_at=now, on=rest), "car").stays[0].initial_kwh == pytest.approx(55)


def test_a_booked_car_that_has_not_come(built) -> None:
    now = MIDNIGHT + 2 * HOUR
    measure(built.assets["car"], starts_at=now - HOUR, minutes=60, injection_kw=0)
    found = gathered(built, issued_at=now, on=grid().tail(8))
    assert [(s.first, s.end) for s in facts(found, "car").stays] == [(66, 88)]
    assert notes(found, built, "car") == ["car_missing"]


def test_a_rest_and_a_rebound_go_on_over_midnight(built) -> None:
    told(built, "furnace", "import_limit_kw", MIDNIGHT - HOUR, MIDNIGHT - 0.25 * HOUR, 50.0)
    row = facts(gathered(built), "furnace")
    assert (row.rest_periods, row.rebound_periods, row.calls_used) == (3, 1, 0)
    device = gathered(built).problem.devices["one/a/furnace"][1]
    assert device.fixed_kw[0] == pytest.approx(-150 - 0.2 * 100)
    assert device.calls.first_period == 3


def test_a_call_that_is_told_to_go_on_runs_when_a_later_grid_begins(built) -> None:
    now = MIDNIGHT + 3 * HOUR
    for k in range(3):
        told(built, "furnace", "import_limit_kw", now + k * 0.25 * HOUR, now + (k + 1) * 0.25 * HOUR, 50.0)
    row = facts(gathered(built, issued_at=now, on=grid().tail(13)), "furnace")
    assert (row.running_periods, row.rest_periods, row.rebound_periods) == (1, 0, 0)
    ended = facts(gathered(built, issued_at=now, on=grid().tail(15)), "furnace")
    assert (ended.running_periods, ended.calls_used, ended.rest_periods, ended.rebound_periods) == (0, 1, 4, 2)


def test_reserve_narrows_what_is_planned(built) -> None:
    asset = built.assets["bat-a"]
    noon = MIDNIGHT + 12 * HOUR
    write_commitment(
        asset_id=asset.pk, kind="reserved", starts_at=noon, ends_at=noon + 2 * HOUR, available_at=ISSUED_AT - HOUR, reference="regulation",
        reserve=Reserve(60.0, 30.0, 0.5),
    )  # fmt: skip
    write_commitment(
        asset_id=asset.pk, kind="reserved", starts_at=noon, ends_at=noon + HOUR, available_at=ISSUED_AT + HOUR, reference="not known yet",
        reserve=Reserve(40.0, 0.0, 0.5),
    )  # fmt: skip
    found = gathered(built)
    device = found.problem.devices["one/a/bat-a"][1]
    np.testing.assert_allclose(device.up_kw[48:56], 40)
    np.testing.assert_allclose(device.down_kw[48:56], 70)
    np.testing.assert_allclose(device.up_kw[56:], 100)
    np.testing.assert_allclose(device.store.min_kwh[47:56], 40 + 30 / 0.95)
    plan = solve_schedule(found.problem, deadline_s=20)
    assert check_schedule(problem=found.problem, schedule=plan, assets=found.facts) == []

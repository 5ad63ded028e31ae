"""Rooms, two-way cars, slow loads and sold reserve: planned by both modes, checked by other equations, followed by the physics."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import Command, Drive, Reserve, Session, air_conditioning, load, storage, two_way_charger
from aggregator.dispatch.domain import AssetFacts, SiteProblem, check_schedule, device_of, drifted, safe_plan, solve_schedule
from tests.unit.aggregator.dispatch.parks import Park, grid_of, park_of

N = 8
GRID = grid_of(N, minutes=30)
H = 0.5
slow = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
numbers = lambda low, high: st.floats(low, high).map(lambda x: round(x, 2))  # noqa: E731


def series(low, high):
    return st.lists(numbers(low, high), min_size=N, max_size=N).map(np.array)


def room(natural_kw, *, warm=0.5, **spec) -> AssetFacts:
    made = air_conditioning.AirConditioningSpec(
        **{
            "rated_kw": 100.0,
            "capacity_kwh_per_k": 40.0,
            "loss_kw_per_k": 8.0,
            "comfort_min_c": 23.0,
            "set_point_c": 25.0,
            "comfort_max_c": 27.0,
            **spec,
        }
    )
    stored = (1 - warm) * made.band_kwh
    envelope = air_conditioning.envelope(made, grid=GRID, natural_kw=np.asarray(natural_kw, dtype=float), stored_kwh=stored)
    return AssetFacts("s", "air_conditioning", made, envelope, stored_kwh=stored)


def car(*sessions: Session, plugged_kwh=None, **spec) -> AssetFacts:
    made = two_way_charger.TwoWayChargerSpec(
        **{"battery_kwh": 60.0, "charge_kw": 20.0, "discharge_kw": 20.0, "wear_cny_per_kwh": 0.02, **spec}
    )
    stays = two_way_charger.stays_of(made, sessions, grid=GRID, plugged_kwh=plugged_kwh)
    return AssetFacts("s", "two_way_charger", made, two_way_charger.envelope(made, grid=GRID, stays=stays), stays=stays)


def furnace(load_kw, *, notice=0, running=0, rest=0, rebound=0, used=0, **spec) -> AssetFacts:
    made = load.LoadSpec(
        **{
            "rated_kw": 200.0,
            "must_run_kw": 20.0,
            "max_calls_per_day": 2,
            "max_call_hours": 1.0,
            "notice_minutes": 0,
            "shed_cost_cny_per_kwh": 0.3,
            "all_or_nothing": True,
            "rest_minutes": 60,
            "ramp_minutes": 30,
            "rebound_hours": 1.0,
            "rebound_ratio": 0.2,
            **spec,
        }
    )
    envelope = load.envelope(made, grid=GRID, load_kw=np.asarray(load_kw, dtype=float))
    return AssetFacts(
        "s",
        "load",
        made,
        envelope,
        calls_used=used,
        running_periods=running,
        notice_periods=notice,
        rest_periods=rest,
        rebound_periods=rebound,
    )


def battery(*, stored_kwh=50.0, reserve=None, window=slice(2, 6)) -> AssetFacts:
    made = storage.StorageSpec(energy_kwh=100.0, charge_kw=50.0, discharge_kw=50.0, wear_cny_per_kwh=0.0)
    held = None if reserve is None else storage.held_on(GRID, [(window, reserve)])
    envelope = storage.envelope(made, grid=GRID, stored_kwh=stored_kwh, held=held)
    return AssetFacts("s", "storage", made, envelope, stored_kwh=stored_kwh, held=held)


@st.composite
def parks(draw) -> Park:
    facts: dict[str, AssetFacts] = {}
    if draw(st.booleans()):
        facts["room"] = room(draw(series(0, 100)), warm=draw(numbers(0, 1)), loss_kw_per_k=draw(numbers(0, 20)))
    arrivals = draw(st.lists(st.tuples(numbers(-1, 0), numbers(1.0, 2.0), numbers(0, 30), numbers(0, 50)), min_size=0, max_size=1))
    later = draw(st.lists(st.tuples(numbers(2.2, 3), numbers(0.5, 3.0), numbers(0, 30), numbers(0, 50)), min_size=0, max_size=1))
    sessions = [
        Session(f"c{k}", at, at + long, min(need, 57 - arrival, long * 18), arrival)
        for k, (at, long, need, arrival) in enumerate(arrivals + later)
    ]
    if sessions:
        facts["car"] = car(*sessions, discharge_kw=draw(numbers(5, 30)))
    before = draw(st.sampled_from(["", "running", "resting"]))
    facts["load"] = furnace(
        draw(series(0, 150)),
        notice=draw(st.integers(0, 2)),
        notice_minutes=draw(st.sampled_from([0, 30])),
        running=1 if before == "running" else 0,
        used=1 if before == "resting" else 0,
        rest=draw(st.integers(0, 2)) if before == "resting" else 0,
        rebound=draw(st.integers(0, 2)) if before == "resting" else 0,
        rest_minutes=draw(st.sampled_from([0, 20, 60])),
        ramp_minutes=draw(st.sampled_from([0, 15, 30, 50])),
        max_call_hours=draw(st.sampled_from([0.5, 1.0, 1.5])),
    )
    if draw(st.booleans()):
        reserve = Reserve(draw(numbers(0, 30)), draw(numbers(0, 30)), draw(numbers(0.1, 0.8)))
        facts["battery"] = battery(stored_kwh=draw(numbers(10, 95)), reserve=reserve)
    sites = {
        "s": SiteProblem(draw(numbers(100, 500)), draw(numbers(0, 100)), draw(series(0, 0.5)), draw(numbers(0, 1)), draw(numbers(0, 50)))
    }
    return park_of(GRID, facts, value=draw(series(-0.5, 1.5)), sites=sites)


def checked(park: Park, **how):
    schedule = solve_schedule(park.problem, deadline_s=20, **how)
    assert check_schedule(problem=park.problem, schedule=schedule, assets=park.facts) == []
    return schedule


@slow
@given(parks(), st.sampled_from(["reference", "fleet"]))
def test_every_plan_passes_the_independent_check(park: Park, mode: str) -> None:
    assert checked(park, mode=mode).status in ("optimal", "at_gap")


@slow
@given(parks())
def test_the_safe_plan_passes_it_too(park: Park) -> None:
    if park.problem.running_calls:  # ends at once there, and its rebound is not in the safe plan
        return
    safe = safe_plan(park.problem)
    assert check_schedule(problem=park.problem, schedule=safe, assets=park.facts) == []


@slow
@given(parks())
def test_the_machines_do_what_was_planned(park: Park) -> None:
    """Step by step in the physics that the twin plays; a load in its ramp sheds at least what was planned."""
    plan = checked(park)
    if "room" in park.facts:
        facts = park.facts["room"]
        state = air_conditioning.State(facts.spec.comfort_max_c - facts.stored_kwh / facts.spec.capacity_kwh_per_k)
        for t, kw in enumerate(plan.injection_kw["room"]):
            drive = Drive(-facts.envelope.base_kw[t])
            command = Command("import_limit_kw", -kw)
            state, did = air_conditioning.step(facts.spec, state, drive=drive, command=command, at_hours=t * H, hours=H)
            assert did == pytest.approx(kw, abs=1e-4)
    if "load" in park.facts:
        facts, on = park.facts["load"], plan.on["load"]
        lasts = facts.spec.rebound_hours
        state = load.State(facts.running_periods * H)
        if facts.rebound_periods or facts.rest_periods:
            state = load.State(0.0, lasts - facts.rebound_periods * H)
        for t, kw in enumerate(plan.injection_kw["load"]):
            command = Command("import_limit_kw", -kw) if on[t] else None
            state, did = load.step(facts.spec, state, drive=Drive(-facts.envelope.base_kw[t]), command=command, at_hours=t * H, hours=H)
            assert did >= kw - 1e-3
            if not on[t] and -facts.envelope.base_kw[t] > facts.spec.must_run_kw:
                assert did == pytest.approx(kw, abs=1e-3)


# --- what each kind is for


def dear_evening(**facts: AssetFacts) -> Park:
    return park_of(GRID, dict(facts), value=[0.2, 0.2, 0.2, 0.2, 1.5, 1.5, 0.2, 0.2])


def test_a_building_is_cooled_ahead_of_dear_hours_and_given_back_at_its_set_point() -> None:
    plan = checked(dear_evening(room=room(np.full(N, 40.0))))
    consumed = -plan.injection_kw["room"]
    assert consumed[3] > 40
    assert consumed[4:6].sum() < 40
    assert plan.stored_kwh["room"][-1] >= plan.stored_kwh["room"][:4].min() - 1e-6


def test_without_a_known_temperature_nothing_is_moved() -> None:
    facts = room(np.full(N, 40.0))
    still = replace(facts, envelope=replace(facts.envelope, quality="unavailable"), stored_kwh=None)
    assert not device_of(still).up_kw.any()


def test_a_car_gives_back_while_energy_is_dear_and_leaves_with_what_it_needs() -> None:
    plan = checked(dear_evening(car=car(Session("c", 0.0, 4.0, 10.0, 30.0))))
    assert plan.injection_kw["car"][4:6].sum() > 0
    assert plan.stored_kwh["car"][-1] >= 40 - 1e-6


def test_what_a_load_catches_up_on_costs_what_it_earned() -> None:
    """A rebound of all of it into hours almost as dear: nobody calls."""
    cheap = furnace(np.full(N, 150.0), ramp_minutes=0)
    dear = furnace(np.full(N, 150.0), ramp_minutes=0, rebound_ratio=1.0)
    assert checked(dear_evening(load=cheap)).on["load"].any()
    flat = park_of(GRID, {"load": dear}, value=[0.45] * 6 + [0.2] * 2)
    assert not checked(flat).on["load"].any()


def test_sold_reserve_is_not_sold_again() -> None:
    free, sold = (checked(dear_evening(battery=battery(reserve=r))).injection_kw["battery"] for r in (None, Reserve(30.0, 0.0, 0.5)))
    assert free.max() == pytest.approx(50)
    assert sold[2:6].max() <= 20 + 1e-6


# --- the checker sees what is wrong


def limits(park: Park, key: str, edit, *, on=None) -> set[str]:
    plan = checked(park)
    injection = {k: kw.copy() for k, kw in plan.injection_kw.items()}
    edit(injection[key])
    broken = replace(plan, injection_kw=injection, on={**plan.on, **({} if on is None else {key: on})})
    return {v.limit for v in check_schedule(problem=park.problem, schedule=broken, assets=park.facts) if v.subject == key}


def put(where, kw):
    return lambda values: values.__setitem__(where, kw)


@pytest.mark.parametrize(
    ("edit", "limit"),
    [
        (put(slice(None), 0.0), "comfort_band"),
        (put(slice(None), -100.0), "comfort_band"),
        (put(-1, 0.0), "set_point_at_the_end"),
        (put(2, 1.0), "no_injection"),
        (put(2, -101.0), "cooling_power"),
    ],
)
def test_a_rooms_limits(edit, limit: str) -> None:
    assert limit in limits(dear_evening(room=room(np.full(N, 40.0))), "room", edit)


@pytest.mark.parametrize(
    ("edit", "limit"),
    [
        (put(0, 1.0), "no_car"),
        (put(slice(2, 6), 20.0), "soc_floor"),
        (put(slice(2, 8), -20.0), "soc_ceiling"),
        (put(slice(2, 8), 0.0), "departure_need"),
        (put(3, 21.0), "discharge_power"),
        (put(3, -21.0), "charge_power"),
    ],
)
def test_a_cars_limits(edit, limit: str) -> None:
    assert limit in limits(dear_evening(car=car(Session("c", 1.0, 4.0, 10.0, 30.0))), "car", edit)


def test_a_loads_ramp_rest_and_rebound() -> None:
    park = dear_evening(load=furnace(np.full(N, 150.0)))
    on = np.zeros(N, dtype=bool)

    def course(*, calls, shed, rebound=26.0):
        kw = np.full(N, -150.0)
        mask = on.copy()
        for first, sheds in zip(calls, shed, strict=True):
            kw[first : first + len(sheds)] += np.array(sheds)
            mask[first : first + len(sheds)] = True
            kw[first + len(sheds) : first + len(sheds) + 2] -= rebound
        return put(slice(None), kw), mask

    right, mask = course(calls=[2], shed=[[65.0, 130.0]])
    assert limits(park, "load", right, on=mask) == set()
    for wrong, how in (
        ("all_or_nothing", {"calls": [2], "shed": [[130.0, 130.0]]}),  # as if there were no ramp
        ("rebound", {"calls": [2], "shed": [[65.0, 130.0]], "rebound": 0.0}),
        ("natural_load", {"calls": [2], "shed": [[65.0, 130.0]], "rebound": 40.0}),
        ("call_length", {"calls": [2], "shed": [[65.0, 130.0, 130.0]]}),
        ("rest", {"calls": [0, 3], "shed": [[65.0, 130.0], [65.0, 130.0]]}),
    ):
        edit, mask = course(**how)
        assert wrong in limits(park, "load", edit, on=mask), wrong


def test_a_rest_that_is_not_over_and_a_rebound_from_before() -> None:
    park = dear_evening(load=furnace(np.full(N, 150.0), used=1, rest=5, rebound=2))
    plan = checked(park)
    np.testing.assert_allclose(plan.injection_kw["load"][:2], -176.0)
    assert not plan.on["load"][:5].any()
    early = np.zeros(N, dtype=bool)
    early[3] = True
    assert "rest" in limits(park, "load", put(3, -85.0), on=early)
    assert "rebound" in limits(park, "load", put(0, -150.0))


@pytest.mark.parametrize("drift_kw", [-20.0, 7.0, 60.0])
def test_a_slow_load_off_its_forecast_is_planned_and_checked_alike(drift_kw: float) -> None:
    facts = furnace(np.full(N, 120.0), notice_minutes=30, notice=1)
    moved = replace(facts, envelope=drifted(facts.envelope, by_kw=drift_kw, rated_kw=200.0))
    plan = checked(dear_evening(load=moved))
    assert plan.on["load"].any()


def test_reserve_is_power_and_energy() -> None:
    park = dear_evening(battery=battery(reserve=Reserve(30.0, 10.0, 0.5)))
    assert "reserve_power" in limits(park, "battery", put(4, 25.0))
    assert "reserve_power" in limits(park, "battery", put(4, -45.0))
    assert "reserve_energy" in limits(park, "battery", put([0, 1], 35.0))

"""The invariants of docs/availability.md, for every kind and level."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import Envelope, Reserve, parse_spec, storage
from aggregator.assets.domain.storage import held_on
from aggregator.forecasts.domain import LEVELS, SIGN, Windows, charging_at_once, cut
from aggregator.forecasts.domain._shape import nested, reachable, room_of, shaped
from aggregator.kernel.periods import Grid
from tests.unit.aggregator.forecasts.synthetic import QUARTER, SPECS, booked, day_ahead, facts_of, forecast, from_now, outlook_of

EPS = 1e-6


def assert_consistent(envelope: Envelope) -> None:
    """Invariants 1 and 2."""
    assert (envelope.min_kw <= envelope.base_kw + EPS).all()
    assert (envelope.base_kw <= envelope.max_kw + EPS).all()
    assert (envelope.min_kwh <= envelope.max_kwh + EPS).all()
    hours = envelope.grid.hours
    for energy in (envelope.min_kwh, envelope.max_kwh):
        step = np.diff(energy, prepend=0.0)
        assert (step >= envelope.min_kw * hours - EPS).all()
        assert (step <= envelope.max_kw * hours + EPS).all()


def assert_nested(levels: dict[str, Envelope]) -> None:
    """Invariant 3."""
    rooms = [room_of(levels[level]) for level in LEVELS]
    for inner, outer in itertools.pairwise(rooms):
        for name in ("up_kw", "down_kw", "up_kwh", "down_kwh"):
            assert (getattr(inner, name) <= getattr(outer, name) + EPS).all(), name


@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(sorted(SIGN)),
    seed=st.integers(0, 1000),
    now=st.booleans(),
    cuts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_invariants_of_every_kind_and_level(kind: str, seed: int, now: bool, cuts: tuple[int, int]) -> None:
    frame = from_now(hour=13) if now else day_ahead()
    n = len(frame.grid)
    at = np.arange(n)
    windows = Windows(opt_out=at < cuts[0], reserved=(at >= 60) & (at < 60 + cuts[0]), outage=(at >= 20) & (at < 20 + cuts[1]))
    result = forecast(kind, frame, windows=windows, seed=seed)
    assert_nested(result.levels)
    for envelope in result.levels.values():
        assert_consistent(envelope)
        still = windows.still
        assert not envelope.up_kw[still].any()
        assert not envelope.down_kw[still].any()
        notice = envelope.notice_s // 900
        assert not envelope.up_kw[:notice].any()
        assert not envelope.down_kw[:notice].any()
        low, high = (0, SPECS[kind].rated_kw) if kind in ("pv", "wind") else (-SPECS[kind].rated_kw, 0)
        if kind not in ("storage", "two_way_charger"):
            assert envelope.min_kw.min() >= low - EPS
            assert envelope.max_kw.max() <= high + EPS


def test_firm_means_low_activity() -> None:
    frame = day_ahead()
    for kind in ("pv", "load"):
        result = forecast(kind, frame)
        low = result.quantiles.p10 if kind == "pv" else -result.quantiles.p90
        np.testing.assert_allclose(np.abs(result.levels["firm"].base_kw), np.minimum(low, np.abs(result.quantiles.mean)))
        np.testing.assert_allclose(result.levels["expected"].base_kw, result.quantiles.mean)


def test_expected_is_the_mean_wherever_it_lies_in_the_band() -> None:
    frame = day_ahead()
    outlook = outlook_of(frame, "pv")
    skewed = replace(outlook, low=1.1 * outlook.mean, mid=1.15 * outlook.mean)
    levels = forecast("pv", frame, outlook=skewed).levels
    np.testing.assert_allclose(levels["expected"].base_kw, outlook.mean)
    np.testing.assert_allclose(levels["firm"].base_kw, outlook.mean)


def test_a_plant_that_cannot_be_curtailed_cannot_be_moved() -> None:
    spec = parse_spec("pv", {"rated_kw": 1000, "curtailable": False})
    result = forecast("pv", day_ahead(), spec=spec)
    for level in result.levels.values():
        np.testing.assert_array_equal(level.min_kw, level.max_kw)


def test_cars_that_are_plugged_in_now_can_wait() -> None:
    """A re-issue with ten cars just arrived has more to shift than one without them."""
    frame = from_now(hour=11)
    facts = facts_of(frame, "ev_station")
    empty = replace(facts, stays=tuple(stay for stay in facts.stays if stay.departs_at is not None))
    assert len(empty.stays) < len(facts.stays)
    with_cars, without = (forecast("ev_station", frame, facts=one) for one in (facts, empty))
    assert with_cars.levels["expected"].max_kwh.sum() > without.levels["expected"].max_kwh.sum()


def test_without_sessions_a_station_is_forecast_but_not_moved() -> None:
    frame = day_ahead()
    result = forecast("ev_station", frame, facts=replace(facts_of(frame, "ev_station"), stays=()))
    assert result.levels["expected"].quality == "missing"
    assert result.notes == ("few_sessions",)
    np.testing.assert_allclose(result.levels["expected"].base_kw, result.quantiles.mean)


def test_a_station_without_power_telemetry_is_told_by_its_sessions() -> None:
    frame = day_ahead()
    stays = facts_of(frame, "ev_station").stays
    spec = SPECS["ev_station"]
    power = charging_at_once(grid=frame.history_grid, spec=spec, stays=stays)  # type: ignore[arg-type]
    first = int(np.ceil(4 * min(stay.arrives_at for stay in stays)))
    assert np.isnan(power[:first]).all(), "nothing is known before the first session"
    assert np.isfinite(power[first:]).all()
    assert np.nanmin(power) >= 0
    assert np.nanmax(power) <= spec.rated_kw
    charged = sum(stay.charged_kwh for stay in stays if stay.charged_kwh is not None)
    assert np.nansum(power) / 4 == pytest.approx(charged, rel=0.05)
    assert np.isnan(charging_at_once(grid=frame.history_grid, spec=spec, stays=())).all()  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(1, 12))
def test_reachable_is_the_largest_curve_within_the_slopes(data: st.DataObject, n: int) -> None:
    numbers = st.lists(st.floats(0, 10), min_size=n, max_size=n).map(np.array)
    distance, rise, fall = data.draw(numbers), data.draw(numbers), data.draw(numbers)
    out = reachable(distance, rise=rise, fall=fall)
    step = np.diff(out, prepend=0.0)
    assert (out <= distance + EPS).all()
    assert (out >= -EPS).all()
    assert (step <= rise + EPS).all()
    assert (step >= -fall - EPS).all()
    np.testing.assert_allclose(reachable(out, rise=rise, fall=fall), out)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12))
def test_nesting_any_three_envelopes_keeps_the_invariants(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    grid = Grid(day_ahead().grid.starts_at, QUARTER, n)
    levels = {}
    for level in LEVELS:
        base = random.normal(size=n) * 10
        up, down, up_kwh, down_kwh = random.uniform(0, 5, (4, n))
        energy = np.cumsum(base) * grid.hours
        levels[level] = shaped(
            Envelope(grid, base, base, base, energy, energy),
            room_of(Envelope(grid, base, base - down, base + up, energy - down_kwh, energy + up_kwh)),
        )
    out = nested(**levels)
    assert_nested(out)
    for level in LEVELS:
        assert_consistent(out[level])
        np.testing.assert_array_equal(out[level].base_kw, levels[level].base_kw)


def test_cut_is_the_envelope_of_the_rest_when_the_base_was_followed() -> None:
    """For a battery at rest that is the same as asking again later from the same state."""
    spec = SPECS["storage"]
    whole = day_ahead().grid
    later = whole.tail(30)
    piece = cut(storage.envelope(spec, grid=whole, stored_kwh=400), later)
    fresh = storage.envelope(spec, grid=later, stored_kwh=400)
    np.testing.assert_allclose(piece.max_kwh, fresh.max_kwh)
    np.testing.assert_allclose(piece.min_kwh, fresh.min_kwh)
    with pytest.raises(ValueError, match="not a piece"):
        cut(fresh, whole)


# --- rooms, two-way chargers, sold reserve


def test_a_room_is_moved_only_where_weather_and_temperature_are_known() -> None:
    frame = day_ahead()
    facts, outlook = facts_of(frame, "air_conditioning"), outlook_of(frame, "air_conditioning")
    known = forecast("air_conditioning", frame)
    assert known.quantiles.quality == "good"
    assert all(known.levels[level].up_kw.any() and known.levels[level].down_kw.any() for level in LEVELS)
    blind = [forecast("air_conditioning", frame, outlook=replace(outlook, notes=(note,))) for note in ("without_weather", "short_history")]
    deaf = [forecast("air_conditioning", frame, facts=one) for one in (replace(facts, soc_ratio=None), replace(facts, soc_age_hours=30.0))]
    assert all("no_weather" in result.notes for result in blind)
    assert all(result.notes == ("stale_state",) for result in deaf)
    for result in (*blind, *deaf):
        for envelope in result.levels.values():
            assert envelope.quality == "unavailable"
            assert not envelope.up_kw.any()
            assert not envelope.down_kw.any()
            np.testing.assert_allclose(envelope.base_kw, result.quantiles.mean)


def test_firm_keeps_away_from_the_edges_of_the_comfort_band() -> None:
    levels = forecast("air_conditioning", day_ahead()).levels
    firm, expected = room_of(levels["firm"]), room_of(levels["expected"])
    assert firm.up_kwh[8] < expected.up_kwh[8]
    assert firm.down_kwh[8] < expected.down_kwh[8]


def test_a_two_way_charger_is_there_when_its_timetable_says_so() -> None:
    levels = forecast("two_way_charger", day_ahead()).levels
    there = np.r_[0:26, 74:96]  # until 6:30 and from 18:30
    for envelope in levels.values():
        assert np.flatnonzero(envelope.max_kw > envelope.base_kw).tolist() == there.tolist()
    assert levels["firm"].quality == "good"
    expected, firm = room_of(levels["expected"]), room_of(levels["firm"])
    assert firm.up_kwh.max() < expected.up_kwh.max()


@pytest.mark.parametrize(("missed", "note"), [(4, "bookings_missed"), (100, "few_sessions")])
def test_nothing_is_firm_where_the_car_does_not_come_as_booked(missed: int, note: str) -> None:
    frame = day_ahead()
    facts = replace(facts_of(frame, "two_way_charger"), stays=booked(frame, missed=missed))
    result = forecast("two_way_charger", frame, facts=facts)
    assert note in result.notes
    assert not result.levels["firm"].up_kw.any()
    assert result.levels["expected"].up_kw.any()


def test_reserve_that_is_sold_is_no_availability() -> None:
    frame = day_ahead()
    facts = facts_of(frame, "storage")
    held = held_on(frame.grid, [(slice(40, 60), Reserve(100.0, 80.0, 1.0))])
    free, sold = forecast("storage", frame), forecast("storage", frame, facts=replace(facts, held=held))
    for level in LEVELS:
        np.testing.assert_allclose(sold.levels[level].max_kw[40:60], free.levels[level].max_kw[40:60] - 100)
        np.testing.assert_allclose(sold.levels[level].min_kw[40:60], free.levels[level].min_kw[40:60] + 80)
        np.testing.assert_allclose(sold.levels[level].max_kw[60:], free.levels[level].max_kw[60:])
        assert (sold.levels[level].max_kwh[39:60] <= free.levels[level].max_kwh[39:60] - 100 + EPS).all()

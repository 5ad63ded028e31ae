"""Air conditioning of a building: a store of cold between the two edges of the owner's comfort band.

One room, exact over a step of h hours with constant heat and power:

    C dT/dt = L (T_out - T) + gains - cop P          C [kWh/K], L [kW/K], P electric [kW]

With N the power that holds the set point S (cop N = L (T_out - S) + gains; what the meter shows when nobody interferes, never
below zero: a room that needs no cooling is kept at S by others), this is, without weather in it,

    T[t+1] = S + k (T[t] - S) + cop g (N - P) / C      k = exp(-L h / C), g = C (1 - k) / L  (h where nothing leaks)

The setpoint is an import limit, taken as a budget: the controller uses all of it until the room stands at the cold edge, so a
limit above N cools ahead and one below lets the room become warmer. A limit at rated power is no order: the thermostat rules.
So a building that nobody steers any more goes back to its set point. Measured consumption below the limit keeps the limit.
The comfort band is the owner's: outside it the controller obeys nobody, and no plan leaves it.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from aggregator.assets.domain._common import Command, Device, Drive, Envelope, SetpointKind, Spec, Store, within_reach
from aggregator.kernel.periods import Grid

SETPOINT_KIND: SetpointKind = "import_limit_kw"
ORDER_STEP_KW = 0.002  # setpoints are whole watts, rounded up: the largest order stays below rated power, which is none


class AirConditioningSpec(Spec):
    rated_kw: float = Field(gt=0, description="electric")
    cop: float = Field(default=3.0, gt=0, description="heat taken out per electricity used")
    capacity_kwh_per_k: float = Field(gt=0, description="heat that warms the room by one kelvin, walls included")
    loss_kw_per_k: float = Field(ge=0, description="heat that comes in per kelvin that it is warmer outside")
    comfort_min_c: float
    set_point_c: float
    comfort_max_c: float

    @model_validator(mode="after")
    def _ordered(self) -> "AirConditioningSpec":
        if not self.comfort_min_c < self.comfort_max_c or not self.comfort_min_c <= self.set_point_c <= self.comfort_max_c:
            raise ValueError("comfort_min_c <= set_point_c <= comfort_max_c is required, and a band between them")
        return self

    @property
    def band_kwh(self) -> float:
        """Cold [kWh of heat] between the two edges of the comfort band."""
        return self.capacity_kwh_per_k * (self.comfort_max_c - self.comfort_min_c)

    @property
    def set_kwh(self) -> float:
        """Cold that the room holds at its set point, above the warm edge."""
        return self.capacity_kwh_per_k * (self.comfort_max_c - self.set_point_c)


@dataclass(frozen=True)
class State:
    room_c: float


def initial_state(spec: AirConditioningSpec) -> State:
    return State(spec.set_point_c)


def fallback(spec: AirConditioningSpec) -> Command:
    return Command(SETPOINT_KIND, spec.rated_kw)


def stored_kwh(spec: AirConditioningSpec, state: State) -> float:
    """Cold [kWh of heat] above the warm edge of the band; below zero in a room that is too warm."""
    return spec.capacity_kwh_per_k * (spec.comfort_max_c - state.room_c)


def soc_ratio(spec: AirConditioningSpec, state: State) -> float:
    """How much of its band the room has: 0 at the warm edge, 1 at the cold one, outside 0..1 when it left the band."""
    return stored_kwh(spec, state) / spec.band_kwh


def decay(spec: AirConditioningSpec, *, hours: float) -> tuple[float, float]:
    """(k, g): the share of a distance from the set point that is left after `hours`, and the hours that heat counts for."""
    rate = spec.loss_kw_per_k / spec.capacity_kwh_per_k
    if rate * hours < 1e-12:
        return 1.0, hours
    return float(np.exp(-rate * hours)), float(-np.expm1(-rate * hours) / rate)


def _power_kw(spec: AirConditioningSpec, room_c: float, natural_kw: float, *, to_c: float, hours: float) -> float:
    """Power that brings the room from `room_c` to `to_c` in one step; may be outside of what the machine can do."""
    keep, gain_h = decay(spec, hours=hours)
    missing_k = to_c - spec.set_point_c - keep * (room_c - spec.set_point_c)
    return natural_kw - missing_k * spec.capacity_kwh_per_k / (spec.cop * gain_h)


def step(
    spec: AirConditioningSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float
) -> tuple[State, float]:
    """One step of `hours`: the thermostat's power or the budget, and whatever keeps the room inside its band before both.

    `drive.natural_kw` is N; beyond rated power the room gets warmer however hard the machine works.
    """
    natural_kw, room_c = max(drive.natural_kw, 0.0), state.room_c
    ordered = command is not None and command.kind == SETPOINT_KIND and command.value_kw < spec.rated_kw
    wanted_kw = command.value_kw if ordered and command else _power_kw(spec, room_c, natural_kw, to_c=spec.set_point_c, hours=hours)
    least_kw = _power_kw(spec, room_c, natural_kw, to_c=spec.comfort_max_c, hours=hours)
    most_kw = _power_kw(spec, room_c, natural_kw, to_c=spec.comfort_min_c, hours=hours)
    power_kw = min(max(min(max(wanted_kw, least_kw), most_kw), 0.0), spec.rated_kw)
    keep, gain_h = decay(spec, hours=hours)
    heat_k = spec.cop * gain_h * (natural_kw - power_kw) / spec.capacity_kwh_per_k
    return State(spec.set_point_c + keep * (room_c - spec.set_point_c) + heat_k), -power_kw


def natural_kw(spec: AirConditioningSpec, *, consumed_kw: np.ndarray, soc_ratio: np.ndarray, hours: float) -> np.ndarray:
    """N of each period (n,), whoever steered: from measured power (n,) and the room at the periods' ends (n,). NaN = not known."""
    keep, gain_h = decay(spec, hours=hours)
    cold_kwh = soc_ratio * spec.band_kwh - spec.set_kwh
    before = np.concatenate(([np.nan], cold_kwh[:-1]))
    return np.maximum(0.0, consumed_kw - (cold_kwh - keep * before) / (spec.cop * gain_h))


def _electric(spec: AirConditioningSpec, grid: Grid) -> tuple[float, float, float, float]:
    """(k, kWh of cold per kWh of electricity over one period, set point and cold edge in that electricity)."""
    keep, gain_h = decay(spec, hours=grid.hours)
    unit = spec.cop * gain_h / grid.hours
    return keep, unit, spec.set_kwh / unit, spec.band_kwh / unit


def envelope(
    spec: AirConditioningSpec,
    *,
    grid: Grid,
    natural_kw: np.ndarray,
    stored_kwh: float | None = None,
    margin_kwh: float = 0.0,
    quality: str = "good",
) -> Envelope:
    """Base holds the set point (n_periods,); energies are what the band lets through, leaks included, cumulative and electric.

    `stored_kwh` [kWh of heat] at the start, the set point unless said; `margin_kwh` stays away from both edges (sensor error).
    """
    n, h = len(grid), grid.hours
    base = -np.clip(natural_kw, 0.0, spec.rated_kw)
    keep, unit, at_set, cold = _electric(spec, grid)
    margin = min(margin_kwh / unit, cold / 2)
    start = 0.0 if stored_kwh is None else stored_kwh / unit - at_set
    lowest, highest = min(margin - at_set, 0.0), max(cold - margin - at_set, 0.0)
    less, more = np.zeros(n), np.zeros(n)
    warm = cool = start
    for t in range(n):
        less[t] = min(-base[t], max(0.0, keep * warm - lowest) / h)
        more[t] = min(spec.rated_kw + base[t], max(0.0, highest - keep * cool) / h)
        warm, cool = keep * warm - h * less[t], keep * cool + h * more[t]
    base_kwh = np.cumsum(base) * h
    can_move = lowest < highest
    return Envelope(
        grid,
        base,
        np.full(n, -spec.rated_kw) if can_move else base.copy(),
        np.zeros(n) if can_move else base.copy(),
        base_kwh - np.cumsum(more) * h,
        base_kwh + np.cumsum(less) * h,
        quality=quality,
    )


def device(spec: AirConditioningSpec, envelope: Envelope, *, stored_kwh: float) -> Device:
    """Less or more than holds the set point, as a store in kWh of electricity: full at the cold edge, empty at the warm one.

    `stored_kwh` [kWh of heat] at the grid's start. What was borrowed is given back: at the end the room is no warmer than its
    set point, so nothing stored is worth anything later. Bounds that power cannot reach are drawn back.
    """
    n, h = len(envelope.grid), envelope.grid.hours
    base = envelope.base_kw
    if envelope.quality not in ("good", "degraded"):
        zero = np.zeros(n)
        return Device(fixed_kw=base, up_kw=zero, down_kw=zero)
    keep, unit, at_set, cold = _electric(spec, envelope.grid)
    up = np.clip(envelope.max_kw - base, 0.0, -base)
    down = np.minimum(np.maximum(base - envelope.min_kw, 0.0), np.maximum(spec.rated_kw - ORDER_STEP_KW + base, 0.0))
    low, high = np.zeros(n), np.full(n, cold)
    low[-1:] = at_set
    store = Store(stored_kwh / unit, low, high, 1.0, 1.0, keep_ratio=keep, drift_kwh=np.full(n, (1 - keep) * at_set))
    return Device(fixed_kw=base, up_kw=up, down_kw=down, store=within_reach(store, up_kw=up, down_kw=down, hours=h))

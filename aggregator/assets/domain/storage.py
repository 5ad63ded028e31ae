"""Battery storage: state of charge with separate efficiencies, wear per kWh discharged."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field, model_validator

from aggregator.assets.domain._common import Command, Device, Drive, Envelope, Reserve, SetpointKind, Spec, SpecColumns, Store, within_reach
from aggregator.kernel.periods import Grid

SETPOINT_KIND: SetpointKind = "injection_kw"


class StorageSpec(Spec):
    energy_kwh: float = Field(gt=0)
    charge_kw: float = Field(gt=0)
    discharge_kw: float = Field(gt=0)
    charge_efficiency: float = Field(default=0.95, gt=0, le=1)
    discharge_efficiency: float = Field(default=0.95, gt=0, le=1)
    soc_min_ratio: float = Field(default=0.1, ge=0, le=1)
    soc_max_ratio: float = Field(default=0.95, ge=0, le=1)
    soc_initial_ratio: float = Field(default=0.5, ge=0, le=1)
    wear_cny_per_kwh: float = Field(default=0.05, ge=0, description="per kWh discharged, grid side")

    @model_validator(mode="after")
    def _ordered(self) -> "StorageSpec":
        if not self.soc_min_ratio <= self.soc_initial_ratio <= self.soc_max_ratio:
            raise ValueError("soc_min_ratio <= soc_initial_ratio <= soc_max_ratio is required")
        return self

    @property
    def rated_kw(self) -> float:
        return max(self.charge_kw, self.discharge_kw)

    @property
    def floor_kwh(self) -> float:
        return self.energy_kwh * self.soc_min_ratio

    @property
    def ceiling_kwh(self) -> float:
        return self.energy_kwh * self.soc_max_ratio


@dataclass(frozen=True)
class Held:
    """Reserve on a grid, (n_periods,) each: power kept free, and energy at the grid that must be there, or have room, at the end.

    Promises of the same period add up. Energy is held from the end of the period before a window, so that it is there when it
    begins; where one window follows another, what the larger one needs is enough.
    """

    up_kw: np.ndarray
    down_kw: np.ndarray
    up_kwh: np.ndarray
    down_kwh: np.ndarray


def held_on(grid: Grid, windows: Iterable[tuple[slice, Reserve]]) -> Held:
    """The promises of windows (slices of the grid's periods); an empty one at the grid's end begins right after it."""
    up_kw, down_kw, up_kwh, down_kwh = (np.zeros(len(grid) + 1) for _ in range(4))
    for window, reserve in windows:
        during = slice(window.start, max(window.stop, window.start + 1))
        up_kw[during] += reserve.up_kw
        down_kw[during] += reserve.down_kw
        up_kwh[during] += reserve.up_kw * reserve.lasting_hours
        down_kwh[during] += reserve.down_kw * reserve.lasting_hours
    at_end = (np.maximum(kwh[:-1], kwh[1:]) for kwh in (up_kwh, down_kwh))
    return Held(up_kw[:-1], down_kw[:-1], *at_end)


@dataclass(frozen=True)
class State:
    stored_kwh: float


def initial_state(spec: StorageSpec) -> State:
    return State(spec.energy_kwh * spec.soc_initial_ratio)


def fallback(spec: StorageSpec) -> Command:
    return Command(SETPOINT_KIND, 0.0)


def limits(spec: StorageSpec, state: State, *, hours: float) -> tuple[float, float]:
    """Injection [kW] that can be held for `hours`: (lowest, highest)."""
    room_kwh = max(0.0, spec.ceiling_kwh - state.stored_kwh)
    left_kwh = max(0.0, state.stored_kwh - spec.floor_kwh)
    charge_kw = min(spec.charge_kw, room_kwh / (spec.charge_efficiency * hours))
    discharge_kw = min(spec.discharge_kw, left_kwh * spec.discharge_efficiency / hours)
    return -charge_kw, discharge_kw


def step(spec: StorageSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float) -> tuple[State, float]:
    """One step of `hours` at the commanded injection, held inside the limits; idle without command."""
    low, high = limits(spec, state, hours=hours)
    wanted = command.value_kw if command is not None and command.kind == SETPOINT_KIND else 0.0
    injection_kw = min(max(wanted, low), high)
    change_kwh = -injection_kw * hours * spec.charge_efficiency if injection_kw < 0 else -injection_kw * hours / spec.discharge_efficiency
    return replace(state, stored_kwh=state.stored_kwh + change_kwh), injection_kw


def soc_ratio(spec: StorageSpec, state: State) -> float:
    return state.stored_kwh / spec.energy_kwh


def _free(spec: StorageSpec | SpecColumns, held: Held) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What a promise leaves: (charge_kw, discharge_kw, floor_kwh, ceiling_kwh). Where it is too large, nothing moves in the middle."""
    charge, discharge = np.maximum(0.0, spec.charge_kw - held.down_kw), np.maximum(0.0, spec.discharge_kw - held.up_kw)
    floor = np.minimum(spec.floor_kwh + held.up_kwh / spec.discharge_efficiency, spec.ceiling_kwh)
    ceiling = np.maximum(spec.ceiling_kwh - held.down_kwh * spec.charge_efficiency, spec.floor_kwh)
    middle = (floor + ceiling) / 2
    return charge, discharge, np.where(floor > ceiling, middle, floor), np.where(floor > ceiling, middle, ceiling)


COLUMNS = ("energy_kwh", "charge_kw", "discharge_kw", "charge_efficiency", "discharge_efficiency", "floor_kwh", "ceiling_kwh")


def envelope(
    spec: StorageSpec | SpecColumns,
    *,
    grid: Grid,
    stored_kwh: float | np.ndarray,
    margin_kwh: float | np.ndarray = 0.0,
    held: Held | None = None,
    quality: str = "good",
) -> Envelope:
    """Bounds reachable from `stored_kwh` (of many assets (N, 1)), cumulative at the grid side; base is idle.

    `margin_kwh` >= 0 keeps away from both state-of-charge ends (meter error at the firm level); `held` is sold already.
    """
    h = grid.hours
    charge, discharge, floor, ceiling = _free(spec, held or held_on(grid, ()))
    room = np.maximum(0.0, ceiling - margin_kwh - stored_kwh)
    left = np.maximum(0.0, stored_kwh - floor - margin_kwh)
    most_in = np.minimum(np.cumsum(charge, axis=-1) * h, room / spec.charge_efficiency)
    most_out = np.minimum(np.cumsum(discharge, axis=-1) * h, left * spec.discharge_efficiency)
    # Either direction becomes possible after the other, so power bounds are the converter's.
    movable = (room + left > 0).any(axis=-1, keepdims=True)
    low, high = np.where(movable, -charge, 0.0), np.where(movable, discharge, 0.0)
    return Envelope(grid, np.zeros_like(high), low, high, -most_in, most_out, quality=quality)


def device(spec: StorageSpec, envelope: Envelope, *, stored_kwh: float, held: Held | None = None) -> Device:
    """Moves as far as the envelope's power allows (0 where an owner opted out); energy follows from `stored_kwh` [kWh].

    The cumulative bounds of the envelope are not used: they count from its own start, the state is newer. Standing
    still is always possible, so power bounds never make the store infeasible. What `held` asks for is charged or
    discharged in time; what cannot be there in time is drawn back to what can.
    """
    n, h = len(envelope.grid), envelope.grid.hours
    if envelope.quality not in ("good", "degraded"):
        zero = np.zeros(n)
        return Device(fixed_kw=envelope.base_kw, up_kw=zero, down_kw=zero)
    charge, discharge, floor, ceiling = _free(spec, held or held_on(envelope.grid, ()))
    up, down = np.minimum(np.maximum(envelope.max_kw, 0.0), discharge), np.minimum(np.maximum(-envelope.min_kw, 0.0), charge)
    # A meter that reads outside the owner's band must not make the plan infeasible: physics holds.
    low = np.where(floor <= spec.floor_kwh, np.minimum(floor, stored_kwh), floor)
    high = np.where(ceiling >= spec.ceiling_kwh, np.maximum(ceiling, stored_kwh), ceiling)
    store = Store(stored_kwh, low, high, spec.charge_efficiency, spec.discharge_efficiency)
    return Device(
        fixed_kw=np.zeros(n),
        up_kw=up,
        down_kw=down,
        up_cost_cny_per_kwh=spec.wear_cny_per_kwh,
        store=within_reach(store, up_kw=up, down_kw=down, hours=h),
        terminal_value_ratio=spec.discharge_efficiency,
    )

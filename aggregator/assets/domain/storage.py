"""Battery storage: state of charge with separate efficiencies, wear per kWh discharged."""

from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field, model_validator

from aggregator.assets.domain._common import Command, Device, Drive, Envelope, SetpointKind, Spec, Store
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


def envelope(spec: StorageSpec, *, grid: Grid, stored_kwh: float, margin_kwh: float = 0.0, quality: str = "good") -> Envelope:
    """Bounds reachable from `stored_kwh`, cumulative at the grid side; base is idle.

    `margin_kwh` >= 0 keeps away from both state-of-charge ends (meter error at the firm level).
    """
    n, h = len(grid), grid.hours
    steps = h * np.arange(1, n + 1)
    room = max(0.0, spec.ceiling_kwh - margin_kwh - stored_kwh)
    left = max(0.0, stored_kwh - spec.floor_kwh - margin_kwh)
    most_in = np.minimum(spec.charge_kw * steps, room / spec.charge_efficiency)
    most_out = np.minimum(spec.discharge_kw * steps, left * spec.discharge_efficiency)
    # Either direction becomes possible after the other, so power bounds are the converter's.
    movable = room + left > 0
    charge = np.full(n, spec.charge_kw if movable else 0.0)
    discharge = np.full(n, spec.discharge_kw if movable else 0.0)
    zero = np.zeros(n)
    return Envelope(grid, zero, -charge, discharge, -most_in, most_out, quality=quality)


def device(spec: StorageSpec, envelope: Envelope, *, stored_kwh: float) -> Device:
    """Moves as far as the envelope's power allows (0 where an owner opted out); energy follows from `stored_kwh` [kWh].

    The cumulative bounds of the envelope are not used: they count from its own start, the state is newer. Standing
    still is always possible, so power bounds never make the store infeasible.
    """
    n = len(envelope.grid)
    if envelope.quality not in ("good", "degraded"):
        zero = np.zeros(n)
        return Device(fixed_kw=envelope.base_kw, up_kw=zero, down_kw=zero)
    # A meter that reads outside the owner's band must not make the plan infeasible: physics holds.
    low = np.full(n, min(spec.floor_kwh, stored_kwh))
    high = np.full(n, max(spec.ceiling_kwh, stored_kwh))
    return Device(
        fixed_kw=np.zeros(n),
        up_kw=np.clip(envelope.max_kw, 0.0, spec.discharge_kw),
        down_kw=np.clip(-envelope.min_kw, 0.0, spec.charge_kw),
        up_cost_cny_per_kwh=spec.wear_cny_per_kwh,
        store=Store(stored_kwh, low, high, spec.charge_efficiency, spec.discharge_efficiency),
        terminal_value_ratio=spec.discharge_efficiency,
    )

"""PV and wind: available power comes from the weather; curtailable or not."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from aggregator.assets.domain._common import Command, Device, Drive, Envelope, SetpointKind, Spec, SpecColumns
from aggregator.kernel.periods import Grid

SETPOINT_KIND: SetpointKind = "export_limit_kw"


class GenerationSpec(Spec):
    rated_kw: float = Field(gt=0)
    curtailable: bool = True


class PvSpec(GenerationSpec):
    tilt_deg: float = Field(default=25, ge=0, le=90)
    azimuth_deg: float = Field(default=180, ge=0, lt=360, description="180 = south")


class WindSpec(GenerationSpec):
    hub_height_m: float = Field(default=100, gt=0)
    rated_wind_m_per_s: float = Field(default=12, gt=0)


@dataclass(frozen=True)
class State:
    """Generation keeps none."""


def initial_state(spec: GenerationSpec) -> State:
    return State()


def fallback(spec: GenerationSpec) -> Command:
    return Command(SETPOINT_KIND, spec.rated_kw)


def step(
    spec: GenerationSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float
) -> tuple[State, float]:
    """One step of `hours`: the weather's power, no more than rated, curtailed to the limit if it can."""
    power_kw = min(max(drive.natural_kw, 0.0), spec.rated_kw)
    if command is not None and command.kind == SETPOINT_KIND and spec.curtailable:
        power_kw = min(power_kw, command.value_kw)
    return state, power_kw


COLUMNS = ("rated_kw", "curtailable")


def envelope(spec: GenerationSpec | SpecColumns, *, grid: Grid, available_kw: np.ndarray, quality: str = "good") -> Envelope:
    """Window [0, q] where curtailable, [q, q] where not; q = `available_kw` (.., n_periods) >= 0."""
    base = np.clip(available_kw, 0.0, spec.rated_kw)
    low = np.where(spec.curtailable, 0.0, base)
    return Envelope(grid, base, low, base, np.cumsum(low, axis=-1) * grid.hours, np.cumsum(base, axis=-1) * grid.hours, quality=quality)


def device(spec: GenerationSpec, envelope: Envelope) -> Device:
    zero = np.zeros(len(envelope.grid))
    return Device(fixed_kw=envelope.base_kw, up_kw=zero, down_kw=envelope.base_kw - envelope.min_kw)

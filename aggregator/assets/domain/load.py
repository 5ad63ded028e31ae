"""Interruptible load: runs as production wants; may be shed down to must-run, a few times a day."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from aggregator.assets.domain._common import Calls, Command, Device, Drive, Envelope, SetpointKind, Spec
from aggregator.kernel.periods import Grid

SETPOINT_KIND: SetpointKind = "import_limit_kw"


class LoadSpec(Spec):
    rated_kw: float = Field(gt=0)
    must_run_kw: float = Field(ge=0)
    sheddable: bool = True
    max_calls_per_day: int = Field(default=1, ge=0)
    max_call_hours: float = Field(default=2, gt=0)
    notice_minutes: int = Field(default=15, ge=0)
    shed_cost_cny_per_kwh: float = Field(default=1.0, ge=0, description="what the owner asks for lost production")
    all_or_nothing: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "LoadSpec":
        if self.must_run_kw > self.rated_kw:
            raise ValueError("must_run_kw <= rated_kw is required")
        return self


@dataclass(frozen=True)
class State:
    """Counted by dispatch (calls already used), not by the machine."""


def initial_state(spec: LoadSpec) -> State:
    return State()


def fallback(spec: LoadSpec) -> Command:
    return Command(SETPOINT_KIND, spec.rated_kw)


def step(spec: LoadSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float) -> tuple[State, float]:
    """One step: consumes what production wants, no more than the limit, never less than must-run needs."""
    wanted_kw = min(max(drive.natural_kw, 0.0), spec.rated_kw)
    if command is not None and command.kind == SETPOINT_KIND and spec.sheddable:
        floor_kw = min(wanted_kw, spec.must_run_kw)
        wanted_kw = min(wanted_kw, max(command.value_kw, floor_kw))
    return state, -wanted_kw


def envelope(
    spec: LoadSpec, *, grid: Grid, load_kw: np.ndarray, sheddable_from_kw: np.ndarray | None = None, quality: str = "good"
) -> Envelope:
    """Base is -load; up by what lies above must-run of `sheddable_from_kw` (default: the load itself).

    Arrays (n_periods,), kW consumed, >= 0. Nothing can be shed before the notice time; the most energy
    is that of the n largest sheds so far, n = longest call.
    """
    base = -np.clip(load_kw, 0.0, spec.rated_kw)
    sure = np.clip(-base if sheddable_from_kw is None else sheddable_from_kw, 0.0, -base)
    shed = np.maximum(0.0, sure - spec.must_run_kw) if spec.sheddable and spec.max_calls_per_day > 0 else np.zeros(len(grid))
    shed[: _notice_periods(spec, grid)] = 0.0
    base_kwh = np.cumsum(base) * grid.hours
    longest = _call_periods(spec, grid) * spec.max_calls_per_day
    most = np.array([np.sort(shed[: t + 1])[::-1][:longest].sum() for t in range(len(grid))]) * grid.hours
    max_on_s = int(spec.max_call_hours * 3600)
    return Envelope(
        grid,
        base,
        base.copy(),
        base + shed,
        base_kwh,
        base_kwh + most,
        notice_s=spec.notice_minutes * 60,
        max_on_s=max_on_s,
        quality=quality,
    )


def device(spec: LoadSpec, envelope: Envelope, *, calls_used: int = 0) -> Device:
    grid = envelope.grid
    shed = np.maximum(0.0, envelope.max_kw - envelope.base_kw)
    calls_left = max(0, spec.max_calls_per_day - calls_used)
    return Device(
        fixed_kw=envelope.base_kw,
        up_kw=shed if calls_left else np.zeros(len(grid)),
        down_kw=np.zeros(len(grid)),
        up_cost_cny_per_kwh=spec.shed_cost_cny_per_kwh,
        calls=Calls(calls_left, _call_periods(spec, grid), _notice_periods(spec, grid), spec.all_or_nothing),
    )


def _notice_periods(spec: LoadSpec, grid: Grid) -> int:
    return int(np.ceil(spec.notice_minutes / 60 / grid.hours))


def _call_periods(spec: LoadSpec, grid: Grid) -> int:
    return max(1, int(spec.max_call_hours / grid.hours + 1e-9))

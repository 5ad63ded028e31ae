"""Interruptible load: runs as production wants; may be shed down to must-run, a few times a day.

A load that is shed whole or not at all may come down slowly, need a rest, and catch up on what it lost:

    ramp      what is shed grows evenly from 0 to all of it within `ramp_minutes` of a call's beginning
    rest      at least `rest_minutes` lie between the end of a call and the next
    rebound   in the `rebound_hours` after a call the load takes rebound_ratio x (what could be shed then) on top of what
              production wants. `rated_kw` bounds what production wants; the rebound comes on top of it

A plan knows whole periods only. It takes 1/(r+1), 2/(r+1), .. of what can be shed in a call's first r periods, with
r = ceil(2 ramp / period) - 1, at least 1: never more than the even ramp gives.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from aggregator.assets.domain._common import Calls, Command, Device, Drive, Envelope, SetpointKind, Spec, SpecColumns
from aggregator.kernel.periods import Grid

SETPOINT_KIND: SetpointKind = "import_limit_kw"
DUST_H = 1e-9


class LoadSpec(Spec):
    rated_kw: float = Field(gt=0)
    must_run_kw: float = Field(ge=0)
    sheddable: bool = True
    max_calls_per_day: int = Field(default=1, ge=0)
    max_call_hours: float = Field(default=2, gt=0)
    notice_minutes: int = Field(default=15, ge=0)
    shed_cost_cny_per_kwh: float = Field(default=1.0, ge=0, description="what the owner asks for lost production")
    all_or_nothing: bool = False
    rest_minutes: int = Field(default=0, ge=0, description="between two calls")
    ramp_minutes: int = Field(default=0, ge=0, description="until all of it is shed")
    rebound_hours: float = Field(default=0, ge=0, description="how long it catches up after a call")
    rebound_ratio: float = Field(default=0, ge=0, description="of what could be shed, taken more while it catches up")

    @model_validator(mode="after")
    def _ordered(self) -> "LoadSpec":
        if self.must_run_kw > self.rated_kw:
            raise ValueError("must_run_kw <= rated_kw is required")
        if (self.ramp_minutes or self.rebound_hours) and not self.all_or_nothing:
            raise ValueError("ramp_minutes and rebound_hours need all_or_nothing: a part that is shed has no course of its own")
        if (self.rebound_hours > 0) != (self.rebound_ratio > 0):
            raise ValueError("rebound_hours and rebound_ratio come together")
        return self

    @property
    def settling_minutes(self) -> int:
        return self.ramp_minutes


@dataclass(frozen=True)
class State:
    """How long the present call has lasted and how long it is since the last one [h]; calls are counted by dispatch."""

    called_hours: float = 0.0
    since_call_hours: float | None = None


def initial_state(spec: LoadSpec) -> State:
    return State()


def fallback(spec: LoadSpec) -> Command:
    return Command(SETPOINT_KIND, spec.rated_kw)


def step(spec: LoadSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float) -> tuple[State, float]:
    """One step: what production wants, no more than the limit, never less than must-run and ramp allow; no call while it rests.

    A limit below rated power is a call, even while there is nothing to shed. One that asks an all-or-nothing load for a part of
    what it can shed gets all of it.
    """
    wanted_kw = min(max(drive.natural_kw, 0.0), spec.rated_kw)
    can_shed_kw = max(0.0, wanted_kw - spec.must_run_kw) if spec.sheddable else 0.0
    limit_kw = command.value_kw if command is not None and command.kind == SETPOINT_KIND else spec.rated_kw
    asked_kw = min(max(0.0, wanted_kw - limit_kw), can_shed_kw)
    in_call = state.called_hours > 0
    rests = not in_call and state.since_call_hours is not None and state.since_call_hours < spec.rest_minutes / 60 - DUST_H
    if spec.sheddable and limit_kw < spec.rated_kw and not rests:
        whole = spec.all_or_nothing and asked_kw > 0
        shed_kw = min(can_shed_kw if whole else asked_kw, can_shed_kw * _let_go(spec, state.called_hours, hours))
        return State(state.called_hours + hours), -max(wanted_kw - shed_kw, min(wanted_kw, spec.must_run_kw))
    since = 0.0 if in_call else state.since_call_hours
    if since is None:
        return State(), -wanted_kw
    catching_up = min(max(0.0, spec.rebound_hours - since), hours) / hours
    return State(0.0, since + hours), -wanted_kw - spec.rebound_ratio * can_shed_kw * catching_up


def _let_go(spec: LoadSpec, since_hours: float, hours: float) -> float:
    """Mean share that can be shed in [since, since + hours) of a call; it grows evenly for `ramp_minutes`."""
    ramp_h = spec.ramp_minutes / 60
    if since_hours >= ramp_h:
        return 1.0
    ends = min(since_hours + hours, ramp_h)
    return ((ends**2 - since_hours**2) / (2 * ramp_h) + since_hours + hours - ends) / hours


COLUMNS = ("rated_kw", "must_run_kw", "sheddable", "max_calls_per_day", "max_call_hours", "notice_minutes", "ramp_minutes")


def envelope(
    spec: LoadSpec | SpecColumns, *, grid: Grid, load_kw: np.ndarray, sheddable_from_kw: np.ndarray | None = None, quality: str = "good"
) -> Envelope:
    """Base is -load; up by what lies above must-run of `sheddable_from_kw` (default: the load itself).

    Arrays (.., n_periods), kW consumed, >= 0. Nothing can be shed before the notice time; the most energy
    is that of the n largest sheds so far, n = longest call, less what the ramps cost. A rebound is no flexibility: it follows
    from a call and stands in the plan, not here.
    """
    base = -np.clip(load_kw, 0.0, spec.rated_kw)
    sure = np.clip(-base if sheddable_from_kw is None else sheddable_from_kw, 0.0, -base)
    may = np.logical_and(spec.sheddable, np.asarray(spec.max_calls_per_day) > 0)
    noticed = np.arange(len(grid)) >= _notice_periods(spec, grid)
    shed = np.where(may & noticed, np.maximum(0.0, sure - spec.must_run_kw), 0.0)
    base_kwh = np.cumsum(base, axis=-1) * grid.hours
    most_kwh = _largest_so_far(shed, _parts(spec, grid)) * grid.hours
    single = isinstance(spec, Spec)
    return Envelope(
        grid,
        base,
        base.copy(),
        base + shed,
        base_kwh,
        base_kwh + most_kwh,
        notice_s=int(spec.notice_minutes * 60) if single else 0,
        max_on_s=int(spec.max_call_hours * 3600) if single else None,
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
        calls=Calls(
            calls_left,
            _call_periods(spec, grid),
            _notice_periods(spec, grid),
            spec.all_or_nothing,
            rest_periods=_periods(spec.rest_minutes / 60, grid),
            ramp_periods=_ramp_periods(spec, grid),
            rebound_periods=_periods(spec.rebound_hours, grid),
            rebound_ratio=spec.rebound_ratio,
        ),
    )


def _parts(spec: LoadSpec | SpecColumns, grid: Grid) -> np.ndarray:
    """(.., K) the shares of what can be shed that the periods of all calls of a day give, the largest first; no more than fit."""
    periods, ramp, calls = (np.asarray(f) for f in (_call_periods(spec, grid), _ramp_periods(spec, grid), spec.max_calls_per_day))
    longest = min(int(np.max(periods, initial=1)), len(grid))
    one = np.minimum(np.arange(1, longest + 1) / (ramp + 1), 1.0) * (np.arange(longest) < periods)
    calls = np.minimum(calls, -(-len(grid) // np.minimum(periods, longest)))
    each = np.arange(max(1, int(np.max(calls, initial=0)))) < calls
    every = (np.expand_dims(each, -1) * np.expand_dims(one, -2)).reshape(*one.shape[:-1], -1)
    return -np.sort(-every, axis=-1)[..., : len(grid)]


def _largest_so_far(shed_kw: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(.., n) per period the K largest sheds so far, each with its share, largest with largest."""
    largest = np.zeros(np.broadcast_shapes((*shed_kw.shape[:-1], parts.shape[-1]), parts.shape))
    out = np.empty_like(shed_kw)
    for t in range(shed_kw.shape[-1]):
        value = shed_kw[..., t]
        for k in range(min(t + 1, parts.shape[-1])):
            here = largest[..., k].copy()
            largest[..., k], value = np.maximum(here, value), np.minimum(here, value)
        out[..., t] = (largest * parts).sum(axis=-1)
    return out


def _ramp_periods(spec: LoadSpec | SpecColumns, grid: Grid) -> Any:
    periods = np.maximum(1, np.ceil(2 * np.asarray(spec.ramp_minutes) / 60 / grid.hours - 1e-9) - 1).astype(int)
    found = np.where(np.asarray(spec.ramp_minutes) > 0, periods, 0)
    return found if found.ndim else int(found)


def _periods(hours: float, grid: Grid) -> int:
    """Whole periods that cover `hours`."""
    return int(np.ceil(hours / grid.hours - 1e-9))


def _notice_periods(spec: LoadSpec | SpecColumns, grid: Grid) -> Any:
    found = np.ceil(np.asarray(spec.notice_minutes) / 60 / grid.hours).astype(int)
    return found if found.ndim else int(found)


def _call_periods(spec: LoadSpec | SpecColumns, grid: Grid) -> Any:
    found = np.maximum(1, (np.asarray(spec.max_call_hours) / grid.hours + 1e-9).astype(int))
    return found if found.ndim else int(found)

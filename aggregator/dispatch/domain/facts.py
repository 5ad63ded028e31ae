"""From what is known of an asset (spec, envelope, state) to the device that the solver moves."""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.assets.domain import Device, Envelope, Spec, Stay, idle_envelope, kind_of
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import Held
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.kernel.periods import Grid

USABLE = ("good", "degraded")


@dataclass(frozen=True)
class AssetFacts:
    """One asset over the problem's grid.

    `envelope` lies on the problem's grid, its cumulative bounds count from the grid's start.
    `stored_kwh`: in a storage; cold [kWh of heat] above the warm edge of an air-conditioned room. `held`: reserve that is sold of
    a storage. `stays`: of a two-way charger's car. `calls_used`: interruptions of the day that are over. `running_periods`:
    how long the present one has lasted, 0 = none. `notice_periods`: periods in which nothing new may be asked.
    `rest_periods`, `rebound_periods`: what is left of the rest and the rebound after the last call.
    `movable` False: planned at its base. `bright_kw`: of sun and wind, what nine days in ten stay below (P90).
    """

    site: str
    kind: str
    spec: Spec
    envelope: Envelope
    stored_kwh: float | None = None
    held: Held | None = None
    stays: tuple[Stay, ...] | None = None
    calls_used: int = 0
    running_periods: int = 0
    notice_periods: int = 0
    rest_periods: int = 0
    rebound_periods: int = 0
    movable: bool = True
    bright_kw: np.ndarray | None = None


def device_of(facts: AssetFacts) -> Device:
    """The planning device of one asset. Its physics is in assets.domain; here come only the day's circumstances."""
    if not facts.movable or facts.envelope.quality not in USABLE:
        return _still(facts.envelope.base_kw)
    known: dict[str, object] = {name: value for name in ("stored_kwh", "held", "stays") if (value := getattr(facts, name)) is not None}
    if facts.calls_used:
        known["calls_used"] = facts.calls_used
    device = kind_of(facts.kind).physics.device(facts.spec, facts.envelope, **known)
    if device.calls is None:
        return device
    calls = device.calls
    first = max(calls.first_period, facts.notice_periods, facts.rest_periods, facts.rebound_periods)
    if facts.rebound_periods:  # of a call before the grid: nobody decides on it any more
        catching_up = np.arange(len(device.up_kw)) < facts.rebound_periods
        device = replace(device, fixed_kw=device.fixed_kw - np.where(catching_up, calls.rebound_ratio * can_shed_kw(facts), 0.0))
    if calls.rebound_periods:  # what could be shed is what it takes more of after a call, before the notice as well
        left = max(0, calls.max_calls - 1) if facts.running_periods else calls.max_calls
        up = np.where(np.arange(len(device.up_kw)) < first, can_shed_kw(facts), device.up_kw)
        return replace(device, up_kw=up, calls=replace(calls, max_calls=left, first_period=first))
    if facts.running_periods:  # the running call is neither new nor under notice
        calls = replace(calls, max_calls=max(0, calls.max_calls - 1), first_period=first)
        return replace(device, calls=calls, up_kw=np.where(_callable(facts, calls.max_on_periods, calls.max_calls), device.up_kw, 0.0))
    up = np.where(np.arange(len(device.up_kw)) < first, 0.0, device.up_kw)
    return replace(device, up_kw=up, calls=replace(calls, first_period=first))


def can_shed_kw(facts: AssetFacts) -> np.ndarray:
    """What lies above must-run in every period, whoever may call for it."""
    spec = facts.spec
    assert isinstance(spec, LoadSpec)
    return np.maximum(0.0, -facts.envelope.base_kw - spec.must_run_kw) * spec.sheddable


def _callable(facts: AssetFacts, max_on: int, calls_left: int) -> np.ndarray:
    """Where shedding is possible at all while a call runs: its rest, and after the notice a further call."""
    periods = np.arange(len(facts.envelope.base_kw))
    rest = periods < max_on - facts.running_periods
    later = periods >= facts.notice_periods
    return rest | (later if calls_left else np.zeros_like(later))


def _still(base_kw: np.ndarray) -> Device:
    zero = np.zeros_like(base_kw)
    return Device(fixed_kw=base_kw, up_kw=zero, down_kw=zero)


def unmovable(grid: Grid, *, injection_kw: np.ndarray) -> Envelope:
    """An asset that will not follow: planned at what it does."""
    return idle_envelope(grid, base_kw=injection_kw, quality="unavailable")


def drifted(envelope: Envelope, *, by_kw: float, rated_kw: float) -> Envelope:
    """The envelope of a consumer that injects `by_kw` more (< 0: consumes more) than was forecast, as far as it can.

    What it consumes beyond its forecast is not counted as movable; what it does not consume cannot be moved either, so
    the highest injection stays where it was, at must-run.
    """
    shift = np.clip(by_kw, -rated_kw - envelope.min_kw, np.maximum(0.0, -envelope.base_kw))
    base_kw = envelope.base_kw + shift
    max_kw = np.maximum(base_kw, envelope.max_kw + np.minimum(shift, 0.0))
    hours = envelope.grid.hours
    energy = np.cumsum(shift) * hours
    base_kwh = np.cumsum(base_kw) * hours
    return replace(
        envelope,
        base_kw=base_kw,
        min_kw=envelope.min_kw + shift,
        max_kw=max_kw,
        min_kwh=envelope.min_kwh + energy,
        max_kwh=np.minimum(envelope.max_kwh + energy, base_kwh + np.cumsum(max_kw - base_kw) * hours),
    )


def piece_of(envelope: Envelope, grid: Grid, *, injected_kwh: float | None = None) -> Envelope:
    """The envelope on `grid`, a piece of its own grid.

    `injected_kwh` is what the asset really injected from the envelope's start to the piece's (cars:
    negative); None = as its base says. Bounds that this has put out of reach are drawn back to what power
    still allows: physics comes before the plan. Raises ProblemRefused where `grid` is no piece.
    """
    whole = envelope.grid
    first = (grid.starts_at - whole.starts_at) // whole.resolution
    fits = grid.resolution == whole.resolution and first >= 0 and first + len(grid) <= len(whole)
    if not fits or whole.starts_at + first * whole.resolution != grid.starts_at:
        raise ProblemRefused(why="forecast_too_short")
    part, h = slice(first, first + len(grid)), whole.hours
    base_done = float(envelope.base_kw[:first].sum() * h)
    done = base_done if injected_kwh is None else injected_kwh
    if first:
        done = min(max(done, float(envelope.min_kwh[first - 1])), float(envelope.max_kwh[first - 1]))
    low_kw, high_kw = envelope.min_kw[part], envelope.max_kw[part]
    low_kwh, high_kwh = _reachable(low_kw * h, high_kw * h, envelope.min_kwh[part] - done, envelope.max_kwh[part] - done)
    # The natural course, moved by what was done before and kept inside the bounds.
    natural = np.cumsum(envelope.base_kw[part]) * h + base_done - done
    path, level = np.empty(len(grid)), 0.0
    for t in range(len(grid)):
        level = min(max(natural[t], low_kwh[t], level + h * low_kw[t]), high_kwh[t], level + h * high_kw[t])
        path[t] = level
    base_kw = np.diff(path, prepend=0.0) / h
    return replace(envelope, grid=grid, base_kw=base_kw, min_kw=low_kw, max_kw=high_kw, min_kwh=low_kwh, max_kwh=high_kwh)


def _reachable(low_step: np.ndarray, high_step: np.ndarray, low_kwh: np.ndarray, high_kwh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = low_kwh.copy(), high_kwh.copy()
    least = most = 0.0
    for t in range(len(low)):
        least, most = least + low_step[t], most + high_step[t]
        low[t], high[t] = min(low[t], most), max(high[t], least)
        least, most = max(least, low[t]), min(most, high[t])
    return low, high

"""What is left after the window: the same park from the state in which the window leaves it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from aggregator.assets.domain import Calls, Device, Stay, Store
from aggregator.dispatch.domain.problem import ScheduleProblem

Moves = Mapping[str, np.ndarray]


def tail_of(problem: ScheduleProblem, *, end: int, net_kw: Moves, called: Mapping[str, np.ndarray]) -> ScheduleProblem:
    """The problem of the periods from `end` on, after moves net_kw (end,) from what is fixed and calls in force `called` (end,).

    No target and no reference: what was asked for is over; a block that was promised for later is kept. The worth of stored energy
    stays that of the whole grid.
    """
    devices: dict[str, tuple[str, Device]] = {}
    running: dict[str, int] = {}
    for key in problem.asset_keys:
        of_site, device = problem.devices[key]
        lasted = _lasts(problem.running_calls.get(key, 0), called[key])
        devices[key] = (of_site, _later(device, problem.grid.hours, end, net_kw[key], called[key], problem.running_calls.get(key, 0)))
        if lasted:
            running[key] = lasted
    net, own = {name: np.zeros(end) for name in problem.sites}, dict.fromkeys(problem.sites, 0.0)
    for key in problem.asset_keys:
        name, device = problem.devices[key]
        injection = device.fixed_kw[:end] + net_kw[key]
        net[name] += injection
        if key in problem.generators:
            own[name] += problem.grid.hours * float(injection.sum())
    sites = {}
    for name in problem.site_keys:
        site = problem.sites[name]
        sites[name] = replace(
            site,
            import_adder_cny_per_kwh=site.import_adder_cny_per_kwh[end:],
            peak_so_far_kw=max(site.peak_so_far_kw, -float(net[name].min(initial=0.0))),
            generated_so_far_kwh=site.generated_so_far_kwh + own[name],
            exported_so_far_kwh=site.exported_so_far_kwh + problem.grid.hours * float(np.maximum(net[name], 0.0).sum()),
        )
    return replace(
        problem,
        grid=problem.grid.tail(end),
        sites=sites,
        devices=devices,
        injection_value_cny_per_kwh=problem.injection_value_cny_per_kwh[end:],
        firm=None if problem.firm is None else problem.firm.tail(end, len(problem.grid)),
        target=None,
        reference_kw={},
        running_calls=running,
        terminal_value_cny_per_kwh=problem.terminal_price_cny_per_kwh,
    )


def _lasts(running: int, called: np.ndarray) -> int:
    """Periods that the call has lasted that is in force at the end; 0 = none."""
    idle = np.flatnonzero(~called)
    return len(called) - 1 - int(idle[-1]) if len(idle) else running + len(called) if len(called) and called[-1] else 0


def _later(device: Device, hours: float, end: int, net_kw: np.ndarray, called: np.ndarray, running: int) -> Device:
    parts = {name: getattr(device, name)[end:] for name in ("fixed_kw", "up_kw", "down_kw")}
    later = replace(device, **parts)
    if device.store is not None:
        later = replace(later, store=_later_store(device.store, hours, end, net_kw))
    if device.stays:
        stays = (_later_stay(stay, hours, end, net_kw) for stay in device.stays)
        later = replace(later, stays=tuple(stay for stay in stays if stay is not None))
    if device.calls is not None:
        calls = _later_calls(device.calls, end, called, running)
        if calls.rebound_periods:  # what could be shed is what it takes more of after a call, so it stays known everywhere
            catching_up = np.arange(len(later.up_kw)) < _rebound_left(calls, called, running)
            fixed = later.fixed_kw - np.where(catching_up, calls.rebound_ratio * later.up_kw, 0.0)
            return replace(later, calls=calls, fixed_kw=fixed)
        later = replace(later, calls=calls, up_kw=_callable(calls, later.up_kw, _lasts(running, called)))
    return later


def _rebound_left(calls: Calls, called: np.ndarray, running: int) -> int:
    """Periods of the last call's rebound that are still to come; 0 while a call is in force."""
    idle = _idle(called, running)
    return max(0, calls.rebound_periods - idle) if idle else 0


def _idle(called: np.ndarray, running: int) -> int | None:
    """Periods since the last call; 0 while one is in force, None where there was none."""
    idle, lasts = None, running
    for on in called.tolist():
        idle = 0 if on else 1 if lasts else None if idle is None else idle + 1
        lasts = lasts + 1 if on else 0
    return idle


def _later_store(store: Store, hours: float, end: int, net_kw: np.ndarray) -> Store:
    drift = np.zeros(end) if store.drift_kwh is None else store.drift_kwh[:end]
    level = _level(store.initial_kwh, net_kw, drift, store.keep_ratio, store.eta_in, store.eta_out, hours)
    later = None if store.drift_kwh is None else store.drift_kwh[end:]
    return replace(store, initial_kwh=level, min_kwh=store.min_kwh[end:], max_kwh=store.max_kwh[end:], drift_kwh=later)


def _later_stay(stay: Stay, hours: float, end: int, net_kw: np.ndarray) -> Stay | None:
    if stay.end <= end:
        return None
    level = stay.initial_kwh
    if stay.first < end:
        level = _level(level, net_kw[stay.first : end], np.zeros(end - stay.first), 1.0, stay.eta_in, stay.eta_out, hours)
    return replace(stay, first=max(0, stay.first - end), end=stay.end - end, initial_kwh=level)


def _level(initial: float, net_kw: np.ndarray, drift: np.ndarray, keep: float, eta_in: float, eta_out: float, hours: float) -> float:
    level = initial
    for net, more in zip(net_kw.tolist(), drift.tolist(), strict=True):
        level = keep * level + more + hours * (-net * eta_in if net < 0 else -net / eta_out)
    return level


def _later_calls(calls: Calls, end: int, called: np.ndarray, running: int) -> Calls:
    begun, lasts, idle = 0, running, _idle(called, running)
    for on in called.tolist():
        begun += on and not lasts
        lasts = lasts + 1 if on else 0
    first = max(0, calls.first_period - end)
    if idle:  # rest and rebound after the last call
        first = max(first, calls.rest_periods - idle, calls.rebound_periods - idle)
    return replace(calls, max_calls=max(0, calls.max_calls - begun), first_period=first)


def _callable(calls: Calls, up_kw: np.ndarray, lasts: int) -> np.ndarray:
    """Where shedding is possible at all: the rest of a call that is in force, and what may still be called."""
    periods = np.arange(len(up_kw))
    rest = periods < calls.max_on_periods - lasts if lasts else np.zeros(len(up_kw), dtype=bool)
    later = periods >= calls.first_period if calls.max_calls else np.zeros(len(up_kw), dtype=bool)
    return np.where(rest | later, up_kw, 0.0)

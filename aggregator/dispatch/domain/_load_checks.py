"""Interruptible loads of a schedule, checked from specs and envelopes with own equations: what a call takes, how often, how long."""

import numpy as np

from aggregator.assets.domain.load import LoadSpec
from aggregator.dispatch.domain._violations import RELATIVE, Violation, over
from aggregator.dispatch.domain.facts import AssetFacts

ON_KW = 1e-3


def check_load(key: str, spec: LoadSpec, facts: AssetFacts, injection_kw: np.ndarray, on: np.ndarray | None, h: float) -> list[Violation]:
    natural, used = -facts.envelope.base_kw, -injection_kw
    shed = natural - used
    called = shed > ON_KW + RELATIVE * spec.rated_kw if on is None else on
    rebound = _rebound_kw(spec, facts, called, h)
    found = over(key, "natural_load", used - natural - rebound, spec.rated_kw)
    found += over(key, "must_run", np.minimum(natural, spec.must_run_kw) - used, spec.rated_kw)
    found += over(key, "sheddable", shed - _can_shed(spec, facts, h), spec.rated_kw)
    if rebound.any():
        found += over(key, "rebound", np.where(rebound > 0, np.abs(used - natural - rebound), 0.0), spec.rated_kw)
    return found + _calls(key, spec, facts, shed + rebound, called, h)


def _can_shed(spec: LoadSpec, facts: AssetFacts, h: float) -> np.ndarray:
    """What a call takes away: what the envelope lets go of. A load that catches up does so before its notice is over as well."""
    most = np.maximum(0.0, facts.envelope.max_kw - facts.envelope.base_kw)
    if not spec.rebound_ratio or not spec.sheddable:
        return most
    notice = int(np.ceil(spec.notice_minutes / 60 / h - 1e-9))
    early = np.arange(len(most)) < max(notice, facts.notice_periods, facts.rest_periods, facts.rebound_periods)
    return np.where(early, np.maximum(0.0, -facts.envelope.base_kw - spec.must_run_kw), most)


def _rebound_kw(spec: LoadSpec, facts: AssetFacts, called: np.ndarray, h: float) -> np.ndarray:
    """What the load takes on top of production after calls of the plan, and after the one before it."""
    if not spec.rebound_ratio:
        return np.zeros(len(called))
    lasts = int(np.ceil(spec.rebound_hours / h - 1e-9))
    since = lasts - facts.rebound_periods if not facts.running_periods else 0
    catching_up = np.zeros(len(called), dtype=bool)
    for t, now in enumerate(called):
        since = 0 if now else since + 1
        catching_up[t] = not now and 0 < since <= lasts
    return np.where(catching_up, spec.rebound_ratio * _can_shed(spec, facts, h), 0.0)


def _calls(key: str, spec: LoadSpec, facts: AssetFacts, shed: np.ndarray, called: np.ndarray, h: float) -> list[Violation]:
    """Interruptions: how many, how long, how far apart, not before the notice, whole where only whole ones are possible.

    `called` says when a call is in force (it may go on through periods in which there is nothing to shed).
    """
    stray = (shed > ON_KW + RELATIVE * spec.rated_kw) & ~called
    found = [Violation(key, "shed_without_call", int(t), float(shed[t])) for t in np.flatnonzero(stray)]
    if not called.any():
        return found
    if not spec.sheddable:
        found.append(Violation(key, "sheddable", int(np.argmax(called)), float(shed.max())))
    runs = _runs(called)
    longest = max(1, int(spec.max_call_hours / h + 1e-9))
    pause = max(1, int(np.ceil(spec.rest_minutes / 60 / h - 1e-9)), int(np.ceil(spec.rebound_hours / h - 1e-9)))
    fresh, free_from = 0, max(facts.rest_periods, facts.rebound_periods)
    if facts.running_periods:  # whatever becomes of it, it ends in this plan
        free_from = pause
    for first, length in runs:
        continued = first == 0 and facts.running_periods > 0
        age = facts.running_periods if continued else 0
        fresh += not continued
        if age + length > longest:
            found.append(Violation(key, "call_length", first, float(age + length - longest)))
        if not continued and first < facts.notice_periods:
            found.append(Violation(key, "notice", first, float(facts.notice_periods - first)))
        if not continued and first < free_from:
            found.append(Violation(key, "rest", first, float(free_from - first)))
        free_from = first + length + pause
        if spec.all_or_nothing:
            found += _whole(key, spec, facts, shed[first : first + length], first, age, h)
    calls = facts.calls_used + fresh + (1 if facts.running_periods else 0)
    if calls > spec.max_calls_per_day:
        found.append(Violation(key, "calls_per_day", runs[-1][0], float(calls - spec.max_calls_per_day)))
    return found


def _whole(key: str, spec: LoadSpec, facts: AssetFacts, shed: np.ndarray, first: int, age: int, h: float) -> list[Violation]:
    """All that can be shed, after a ramp that is climbed in even steps which the machine's own ramp is never behind."""
    most = _can_shed(spec, facts, h)[first : first + len(shed)]
    steps = 1 if not spec.ramp_minutes else max(2, int(np.ceil(2 * spec.ramp_minutes / 60 / h - 1e-9)))
    ladder = np.minimum(1.0, (age + np.arange(1, len(shed) + 1)) / steps)
    return [
        Violation(key, "all_or_nothing", first + v.period, v.by)
        for v in over(key, "all_or_nothing", np.abs(most * ladder - shed), spec.rated_kw)
    ]


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    """(first period, length) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    return [(int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]

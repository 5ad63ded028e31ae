"""Wind: day-ahead against climatology, the next hours against persistence. Thirteen weeks with doubtful labels: indicative only."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.engine import DAY_AHEAD
from aggregator.forecasts.domain.engine.wind import Wind
from vpp.bench.accuracy.figures import Figure, coverage, pinball, rmse, skill
from vpp.bench.accuracy.replay import Replay, replay, shifted
from vpp.bench.accuracy.wind_data import Parks, substations

WARM_DAYS = 30  # of thirteen weeks
HORIZONS = {1: ("15 min", None), 4: ("1 h", None), 16: ("4 h", 0.14)}
NOMINAL, COVERAGE_ROOM = 0.80, 0.03
MEAN = "3 sites mean"


def measure(data_root: Path, progress: Progress) -> list[Figure]:
    parks = substations(data_root)
    if parks is None:
        return [Figure("wind day-ahead", MEAN, "nRMSE", None, "%", note="file absent")]
    note = (
        f"indicative: after {WARM_DAYS} of {parks.days.count} days, forecast wind moved by {parks.shift / 4:g} h to fit, its lead unknown"
    )
    with_weather = _run(parks, progress, with_weather=True)
    return [
        *_day_ahead(parks, with_weather, "wind day-ahead", 0.22, note),
        *_steps(parks, with_weather, note),
        *_day_ahead(parks, _run(parks, progress, with_weather=False), "wind day-ahead, no weather", None, "without weather"),
    ]


def _run(parks: Parks, progress: Progress, *, with_weather: bool) -> Replay:
    task = progress.add_task(f"wind, {'weather' if with_weather else 'no weather'}", total=parks.days.count)
    return replay(Wind(), parks.history(with_weather=with_weather), lambda: progress.advance(task))


def climatology(activity: np.ndarray) -> np.ndarray:
    """(N, D, 1) mean of all complete days before: the constant that a mean of fewer days does not beat."""
    known = np.isfinite(activity)
    total, count = np.cumsum(np.where(known, activity, 0.0).sum(axis=2), axis=1), np.cumsum(known.sum(axis=2), axis=1)
    out = np.full(total.shape, np.nan)
    out[:, DAY_AHEAD:] = (total / np.maximum(count, 1))[:, :-DAY_AHEAD]
    return out[..., None]


def _day_ahead(parks: Parks, run: Replay, task: str, goal: float | None, note: str) -> Iterator[Figure]:
    where = _scored(parks, run.day_ahead.low)
    usual = np.broadcast_to(climatology(parks.activity), parks.activity.shape)
    error, reference = _errors(run.day_ahead.mean, parks.activity, where), _errors(usual, parks.activity, where)
    for name, one, other in zip(parks.names, error, reference, strict=True):
        yield Figure(task, name, "nRMSE", one, "%", note=f"climatology {other:.2f}")
    yield Figure(task, MEAN, "skill against climatology", skill(error.mean(), reference.mean()), "", goal, note=note)
    said, past = run.day_ahead, run.usual
    lost, usually = (pinball((bands.low, bands.mid, bands.high), parks.activity, where) for bands in (said, past))
    yield Figure(task, MEAN, "pinball skill against climatology", skill(lost, usually), "", note="quantiles of the last 30 days")
    yield from _covered(task, run.day_ahead.low, run.day_ahead.high, parks, where)


def _steps(parks: Parks, run: Replay, note: str) -> Iterator[Figure]:
    for horizon, (label, goal) in HORIZONS.items():
        said, last = run.at(horizon), shifted(parks.activity, horizon)
        where = _scored(parks, said.low) & np.isfinite(last)
        error, reference = _errors(said.mean, parks.activity, where), _errors(last, parks.activity, where)
        yield Figure(f"wind {label}", MEAN, "nRMSE", error.mean(), "%", note=f"persistence {reference.mean():.2f} %")
        yield Figure(f"wind {label}", MEAN, "skill against persistence", skill(error.mean(), reference.mean()), "", goal, note=note)
        yield from _covered(f"wind {label}", said.low, said.high, parks, where)


def _covered(task: str, low: np.ndarray, high: np.ndarray, parks: Parks, where: np.ndarray) -> Iterator[Figure]:
    covered = np.array([coverage(low[k], high[k], parks.activity[k], where[k]) for k in range(len(where))])
    note = f"sites {100 * covered.min():.1f} to {100 * covered.max():.1f}"
    yield Figure(task, MEAN, "P10-P90 coverage", 100 * covered.mean(), "%", note=note)
    yield Figure(task, MEAN, "coverage off 80 %", 100 * abs(covered.mean() - NOMINAL), "%", 100 * COVERAGE_ROOM, at_least=False)


def _scored(parks: Parks, band: np.ndarray) -> np.ndarray:
    where = np.isfinite(parks.activity) & np.isfinite(band)
    where[:, :WARM_DAYS] = False
    return where


def _errors(forecast: np.ndarray, actual: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(N,) [%]."""
    return np.array([100 * rmse(forecast[k], actual[k], where[k]) for k in range(len(where))])

"""PV: day-ahead and in the next hours, with the weather forecast and without, against persistence, a PVWatts chain and climatology."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.pv import Pv
from vpp.bench.accuracy.figures import Figure, coverage, pinball, rmse, skill
from vpp.bench.accuracy.pv_data import STATE_GRID_KW, Plants, pvod, state_grid
from vpp.bench.accuracy.pv_new_asset import new_asset
from vpp.bench.accuracy.pv_references import climatology, last_complete_day, one_scale_chain, smart_persistence
from vpp.bench.accuracy.replay import Replay, replay

WARM_DAYS = 60
DAYLIGHT = 0.01  # of nameplate, clear sky
HORIZONS = {1: ("15 min", 0.06), 4: ("1 h", 0.13), 16: ("4 h", 0.29)}
NOMINAL, COVERAGE_ROOM = 0.80, 0.03
NWP_NOTE = f"daylight, after {WARM_DAYS} days; lead of the weather forecast not published: not a claim for a true day-ahead"
PLAIN_NOTE = f"daylight, after {WARM_DAYS} days; without weather"
ABSENT = "file absent"


@dataclass(frozen=True)
class Scored:
    """One run over some plants: activity, clear sky and where it is scored, (N, D, S)."""

    plants: Plants
    run: Replay
    clear: np.ndarray
    scored: np.ndarray

    @property
    def activity(self) -> np.ndarray:
        return self.plants.activity

    def errors(self, forecast: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """nRMSE (N,) of both [%] on the periods where both are known."""
        both = self.scored & np.isfinite(forecast) & np.isfinite(reference)
        return self._errors(forecast, both), self._errors(reference, both)

    def _errors(self, forecast: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.array([100 * rmse(forecast[k], self.activity[k], where[k]) for k in range(len(where))])


def measure(data_root: Path, progress: Progress) -> list[Figure]:
    stations = pvod(data_root)
    found: list[Figure] = []
    if stations is None:
        found += [Figure("pv day-ahead", "PVOD", "daylight nRMSE", None, "%", note=ABSENT)]
    else:
        with_weather = scored(stations, progress, with_weather=True)
        found += [*_day_ahead(with_weather), *_steps(with_weather)]
        found += _without_weather(scored(stations, progress, with_weather=False), "PVOD mean")
        found += new_asset(stations, progress)
    for name in STATE_GRID_KW:
        site = state_grid(data_root, name)
        if site is None:
            found += [Figure("pv day-ahead, no weather", f"State Grid {name}", "skill against persistence", None, "", note=ABSENT)]
        else:
            found += _without_weather(scored(site, progress, with_weather=False), f"State Grid {name}")
    return found


def scored(plants: Plants, progress: Progress, *, with_weather: bool, warm_days: int = WARM_DAYS) -> Scored:
    history = plants.history(with_weather=with_weather)
    task = progress.add_task(f"pv {plants.names[0]}, {'weather' if with_weather else 'no weather'}", total=plants.days.count)
    run = replay(Pv(), history, lambda: progress.advance(task))
    clear = history.known["clear"].astype(float)
    warm = np.arange(plants.days.count)[None] >= plants.first_day[:, None] + warm_days
    where = warm[..., None] & (clear > DAYLIGHT) & np.isfinite(plants.activity) & np.isfinite(run.day_ahead.low)
    return Scored(plants, run, clear, where)


def _day_ahead(found: Scored) -> Iterator[Figure]:
    phi = found.run.engine.history.known["phi"].astype(float)
    mean = found.run.day_ahead.mean
    chain = one_scale_chain(found.activity, phi, found.clear > DAYLIGHT)
    error, persisted = found.errors(mean, last_complete_day(found.activity))
    error_chain, chained = found.errors(mean, chain)
    task = "pv day-ahead"
    for name, value, reference in zip(found.plants.names, error, chained, strict=True):
        yield Figure(task, name, "daylight nRMSE", value, "%", note=f"one-scale PVWatts chain {reference:.2f}")
    yield Figure(task, "PVOD mean", "daylight nRMSE", error.mean(), "%", 10.8, at_least=False, note=NWP_NOTE)
    persistence_skill = skill(error.mean(), persisted.mean())
    yield Figure(task, "PVOD mean", "skill against persistence", persistence_skill, "", 0.46, note=f"persistence {persisted.mean():.2f} %")
    over_chain = skill(error_chain.mean(), chained.mean())
    yield Figure(task, "PVOD mean", "skill against one-scale PVWatts", over_chain, "", 0.20, note=f"chain {chained.mean():.2f} %")
    yield from _bands(found, task, "PVOD mean", 0.31)


def _bands(found: Scored, task: str, series: str, goal: float | None) -> Iterator[Figure]:
    said = found.run.day_ahead
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # slots that are never bright have no quantile
        usual = climatology(found.activity, found.clear)
    both = found.scored & np.isfinite(np.stack(usual)).all(axis=0)
    lost, reference = pinball((said.low, said.mid, said.high), found.activity, both), pinball(usual, found.activity, both)
    note = f"pinball {100 * lost:.2f} against {100 * reference:.2f} % (30 days, +-30 min)"
    yield Figure(task, series, "pinball skill against climatology", skill(lost, reference), "", goal, note=note)
    covered = np.array([coverage(said.low[k], said.high[k], found.activity[k], where) for k, where in enumerate(found.scored)])
    yield from _covered(task, series, covered)


def _covered(task: str, series: str, covered: np.ndarray) -> Iterator[Figure]:
    note = f"plants {100 * covered.min():.1f} to {100 * covered.max():.1f}"
    yield Figure(task, series, "P10-P90 coverage", 100 * covered.mean(), "%", note=note)
    yield Figure(task, series, "coverage off 80 %", 100 * abs(covered.mean() - NOMINAL), "%", 100 * COVERAGE_ROOM, at_least=False)


def _steps(found: Scored) -> Iterator[Figure]:
    phi = found.run.engine.history.known["phi"].astype(float)
    chain = one_scale_chain(found.activity, phi, found.clear > DAYLIGHT)
    for horizon, (label, goal) in HORIZONS.items():
        said, task = found.run.at(horizon), f"pv {label}"
        smart = smart_persistence(found.activity, found.clear, chain, horizon)
        error, reference = found.errors(said.mean, smart)
        yield Figure(task, "PVOD mean", "daylight nRMSE", error.mean(), "%", note=NWP_NOTE)
        note = f"smart persistence {reference.mean():.2f} %, the chain before dawn"
        yield Figure(task, "PVOD mean", "skill against smart persistence", skill(error.mean(), reference.mean()), "", goal, note=note)
        error, stale = found.errors(said.mean, found.run.day_ahead.mean)
        yield Figure(task, "PVOD mean", "skill against the day-ahead forecast", skill(error.mean(), stale.mean()), "")
        covered = np.array([coverage(said.low[k], said.high[k], found.activity[k], where) for k, where in enumerate(found.scored)])
        yield from _covered(task, "PVOD mean", covered)


def _without_weather(found: Scored, series: str) -> Iterator[Figure]:
    error, reference = found.errors(found.run.day_ahead.mean, last_complete_day(found.activity))
    task = "pv day-ahead, no weather"
    yield Figure(task, series, "daylight nRMSE", error.mean(), "%", note=PLAIN_NOTE)
    note = f"persistence {reference.mean():.2f} %"
    yield Figure(task, series, "skill against persistence", skill(error.mean(), reference.mean()), "", 0.22, note=note)
    yield from _bands(found, task, series, None)

"""Loads: day-ahead against the mean of same-type days, the next hours against the best of four naive forecasts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.engine import DAY_AHEAD
from aggregator.forecasts.domain.engine.issued import Issued
from aggregator.forecasts.domain.engine.load import RECENT_DAYS, USUAL_DAYS, same_type_mean
from vpp.bench.accuracy.figures import Figure, coverage, pinball, rmse, skill
from vpp.bench.accuracy.loads_data import Series, steel_plant, substation, teddy_region
from vpp.bench.accuracy.replay import Replay, replay, shifted

WARM_DAYS = 60
WINDOW_DAYS = 60  # coverage is looked at over so many
NOMINAL, ROOM = 80.0, 3.0
WINDOW_LEAST, WINDOW_MOST = 72.0, 88.0
HORIZONS = {1: ("15 min", 0.30), 4: ("1 h", 0.28), 16: ("4 h", None)}
DAY = "load day-ahead"


@dataclass(frozen=True)
class Scored:
    """One series and what was said of it; arrays (1, D, S), activity over the mean size of the load."""

    series: Series
    run: Replay

    @property
    def actual(self) -> np.ndarray:
        return self.run.engine.history.activity

    @cached_property
    def where(self) -> np.ndarray:
        where = np.isfinite(self.actual) & np.isfinite(self.run.day_ahead.low)
        where[:, :WARM_DAYS] = False
        return where

    def same_type(self, days: int) -> np.ndarray:
        """Mean of the last same-type days, as known day-ahead."""
        out = np.full(self.actual.shape, np.nan)
        for day in range(DAY_AHEAD, self.actual.shape[1]):
            out[:, day] = same_type_mean(self.run.engine.view(day, DAY_AHEAD), days)
        return out

    @cached_property
    def by_days(self) -> dict[str, np.ndarray]:
        """Naive forecasts that look back by whole days."""
        slots = self.actual.shape[-1]
        back = {"day before": shifted(self.actual, slots), "week before": shifted(self.actual, 7 * slots)}
        return back | {"same-type mean": self.same_type(RECENT_DAYS)}

    def error(self, forecast: np.ndarray) -> float:
        """RMSE [%] of the mean size of the load."""
        return self.errors(forecast)[0]

    def errors(self, *forecasts: np.ndarray) -> list[float]:
        """The same of several, where all of them are known."""
        where = self.where & np.isfinite(np.stack(forecasts)).all(axis=0)
        return [100 * rmse(forecast, self.actual, where) for forecast in forecasts]

    def pinball_skill(self, said: Issued) -> float:
        lost, usual = (pinball((bands.low, bands.mid, bands.high), self.actual, self.where) for bands in (said, self.run.usual))
        return skill(lost, usual)

    def covered(self, said: Issued) -> tuple[float, list[float]]:
        """[%] over all days, and over each whole window of days."""
        starts = range(WARM_DAYS, max(WARM_DAYS + 1, self.actual.shape[1] - WINDOW_DAYS + 1), WINDOW_DAYS)
        windows = [self._covered(said, slice(start, start + WINDOW_DAYS)) for start in starts]
        return self._covered(said, slice(None)), windows

    def _covered(self, said: Issued, days: slice) -> float:
        return 100 * coverage(said.low[:, days], said.high[:, days], self.actual[:, days], self.where[:, days])


def measure(data_root: Path, progress: Progress) -> list[Figure]:
    loaded = (steel_plant(data_root), substation(data_root, 287), substation(data_root, 435), teddy_region(data_root))
    scored = [_scored(series, progress) for series in loaded if series is not None]
    if not scored:
        return [Figure(DAY, "median", "skill against the same-type mean", None, "", note="files absent")]
    return [*_day_ahead(scored), *(figure for horizon in HORIZONS for figure in _ahead(scored, horizon))]


def _scored(series: Series, progress: Progress) -> Scored:
    history = series.history()
    task = progress.add_task(f"loads, {series.name}", total=history.days.count)
    return Scored(series, replay(series.family, history, lambda: progress.advance(task)))


def _day_ahead(scored: list[Scored]) -> Iterator[Figure]:
    skills = []
    for one in scored:
        error, reference, longer = (one.error(x) for x in (one.run.day_ahead.mean, one.same_type(RECENT_DAYS), one.same_type(USUAL_DAYS)))
        skills.append(skill(error, reference))
        note = (
            f"mean of {RECENT_DAYS} days {reference:.1f} %, of {USUAL_DAYS} days {longer:.1f} %; after {WARM_DAYS} days; {one.series.note}"
        )
        yield Figure(DAY, one.series.name, "RMSE, % of mean", error, "%", note=note)
        yield Figure(DAY, one.series.name, "skill against the same-type mean", skills[-1], "", 0.0)
        yield Figure(DAY, one.series.name, f"the same, of {USUAL_DAYS} days", skill(error, longer), "")
        least = -0.02 if one.series.lumpy else 0.0
        yield Figure(DAY, one.series.name, "pinball skill against climatology", one.pinball_skill(one.run.day_ahead), "", least)
    yield Figure(DAY, "median", "skill against the same-type mean", float(np.median(skills)), "", 0.14)
    yield from _coverage(DAY, scored, [one.run.day_ahead for one in scored])


def _ahead(scored: list[Scored], horizon: int) -> Iterator[Figure]:
    label, goal = HORIZONS[horizon]
    task, skills = f"load {label}", []
    for one in scored:
        said = one.run.at(horizon)
        naives = {"persistence": shifted(one.actual, horizon)} | one.by_days
        error, *others = one.errors(said.mean, *naives.values())
        reference, best = min(zip(others, naives, strict=True))
        skills.append(skill(error, reference))
        note = f"best of four naive: {best} {reference:.1f} %"
        yield Figure(task, one.series.name, "RMSE, % of mean", error, "%", note=note)
        yield Figure(task, one.series.name, "skill against the best naive", skills[-1], "")
        yield Figure(task, one.series.name, "pinball skill against climatology", one.pinball_skill(said), "")
    yield Figure(task, "median", "skill against the best naive", float(np.median(skills)), "", goal, note=f"of {len(scored)} series")
    yield from _coverage(task, scored, [one.run.at(horizon) for one in scored])


def _coverage(task: str, scored: list[Scored], said: list[Issued]) -> Iterator[Figure]:
    whole = []
    for one, forecast in zip(scored, said, strict=True):
        mean, windows = one.covered(forecast)
        whole.append(mean)
        note = f"of {len(windows)} windows of up to {WINDOW_DAYS} days; all days {mean:.1f} %"
        yield Figure(task, one.series.name, "least coverage P10-P90", min(windows), "%", WINDOW_LEAST, note=note)
        yield Figure(task, one.series.name, "most coverage P10-P90", max(windows), "%", WINDOW_MOST, at_least=False)
    yield Figure(task, "mean", "coverage P10-P90", float(np.mean(whole)), "%")
    yield Figure(task, "mean", "coverage off 80 %", abs(float(np.mean(whole)) - NOMINAL), "%", ROOM, at_least=False)

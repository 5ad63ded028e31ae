"""One forecast on one day: what was said of a portfolio, an asset or a group, the room in it, and what was measured since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.assets.queries import commitments
from aggregator.forecasts.domain import LEVELS, Quantiles
from aggregator.forecasts.queries import NOT_LEARNED, RunFacts, envelopes, quantiles
from aggregator.kernel.periods import Grid, delivery_day
from aggregator.telemetry import queries as telemetry
from vpp.charting import edges, nullable, wall

FAN = ("p10", "p50", "mean", "p90", "persistence")


@dataclass(frozen=True)
class ForecastPicture:
    """Arrays have the day's periods [kW injection; room kW >= 0]; NaN where nothing was said or nothing is known.

    actual_kw: the sum of the `n_heard` of `n_assets` that were heard; moved: how many of them somebody moved in a period.
    """

    grid: Grid
    fan: dict[str, np.ndarray]
    room: dict[str, np.ndarray]
    actual_kw: np.ndarray
    moved: np.ndarray
    quality: str
    n_assets: int
    n_heard: int

    @property
    def columns(self) -> dict[str, list[float | None]]:
        named = {f"{name}_kw": values for name, values in (*self.fan.items(), ("actual", self.actual_kw), *self.room.items())}
        return {name: nullable(values) for name, values in named.items()}

    def as_json(self, *, now: datetime) -> dict[str, Any]:
        single = [] if self.n_assets > 1 else [k for k, moved in enumerate(self.moved) if moved]
        at = edges(self.grid)
        return {"now": wall(now), "edges": at, **self.columns, "moved": [[at[k], at[k + 1]] for k in single]}

    def rows(self) -> list[dict[str, Any]]:
        """The charts as one table: one row a period."""
        columns = self.columns
        return [
            {"at": at, "moved": int(self.moved[k]), **{name: values[k] for name, values in columns.items()}}
            for k, at in enumerate(self.grid.starts)
        ]


def portfolio_picture(*, run: RunFacts, day: date, asset_ids: Sequence[int], now: datetime) -> ForecastPicture:
    """The portfolio as it was forecast as a whole; `asset_ids`: the members in its sum."""
    said = quantiles(run_id=run.id, subjects=[None])[None]
    levels = {level: envelopes(run_id=run.id, level=level, subjects=[None])[None] for level in LEVELS}
    return _picture(run, day, said, levels, asset_ids, now)


def asset_picture(*, run: RunFacts, day: date, asset_id: int, now: datetime) -> ForecastPicture:
    said = quantiles(run_id=run.id, subjects=[asset_id])[asset_id]
    levels = {level: envelopes(run_id=run.id, level=level, subjects=[asset_id])[asset_id] for level in LEVELS}
    return _picture(run, day, said, levels, [asset_id], now)


def group_picture(*, run: RunFacts, day: date, asset_ids: Sequence[int], now: datetime) -> ForecastPicture:
    """Assets added up. Means add; quantiles do not: the band is as wide as if all were wrong at once. Refused ones are left out."""
    found = quantiles(run_id=run.id, subjects=asset_ids)
    kept = {pk: one for pk, one in found.items() if pk is not None and one.quality != "missing"}
    if not kept:
        return _picture(run, day, _nothing(len(run.grid)), {}, list(asset_ids), now)
    added = {name: np.sum([getattr(one, name) for one in kept.values()], axis=0) for name in FAN}
    good = all(one.quality == "good" for one in found.values())
    said = Quantiles(**added, quality="good" if good else "degraded")
    return _picture(run, day, said, {}, list(kept), now)


def _nothing(n: int) -> Quantiles:
    gap = np.full(n, np.nan)
    return Quantiles(gap, gap, gap, gap, gap, quality="missing")


def _picture(
    run: RunFacts, day: date, said: Quantiles, levels: Mapping[str, Envelope], asset_ids: Sequence[int], now: datetime
) -> ForecastPicture:
    grid = delivery_day(day, resolution=run.grid.resolution)
    if (run.grid.starts_at - grid.starts_at) % grid.resolution:
        grid = run.grid
    measured = telemetry.power(asset_ids=asset_ids, grid=grid, known_at=now)
    # One silent asset makes the sum unknown: a gap is a gap. Fully silent assets are left out and counted.
    heard = measured[~np.isnan(measured).all(axis=1)]
    room = {f"up_{level}": envelope.up_kw for level, envelope in levels.items()}
    room |= {f"down_{level}": envelope.down_kw for level, envelope in levels.items()}
    return ForecastPicture(
        grid=grid,
        fan={name: _placed(getattr(said, name), run.grid, grid) for name in FAN},
        room={name: _placed(values, run.grid, grid) for name, values in room.items()},
        actual_kw=heard.sum(axis=0) if len(heard) else np.full(len(grid), np.nan),
        moved=_moved(asset_ids, grid, now),
        quality=said.quality,
        n_assets=len(asset_ids),
        n_heard=len(heard),
    )


def _placed(values: np.ndarray, source: Grid, grid: Grid) -> np.ndarray:
    """What of `values` falls on `grid`, of the same resolution; NaN elsewhere."""
    out = np.full(len(grid), np.nan)
    first = (source.starts_at - grid.starts_at) // grid.resolution
    inside = slice(max(first, 0), min(first + len(source), len(grid)))
    out[inside] = values[inside.start - first : inside.stop - first]
    return out


def _moved(asset_ids: Sequence[int], grid: Grid, now: datetime) -> np.ndarray:
    rows = {asset_id: k for k, asset_id in enumerate(asset_ids)}
    mask = np.zeros((len(rows), len(grid)), dtype=bool)
    known = {"starts_at": grid.starts_at, "ends_at": grid.ends_at, "known_at": now}
    for window in commitments(asset_ids=asset_ids, kinds=NOT_LEARNED, **known):
        mask[rows[window.asset_id], grid.window(window.starts_at, window.ends_at)] = True
    return mask.sum(axis=0)

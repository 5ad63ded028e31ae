"""Stored forecasts and measurements with round numbers, for what reads them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from aggregator.assets.models import Asset, Commitment, Portfolio
from aggregator.forecasts.models import LEVELS, AvailabilityForecast, ForecastRun, ForecastScore, QuantileForecast
from aggregator.kernel.periods import Grid, day_of
from aggregator.support.arrays import pack_f4
from aggregator.telemetry.models import TelemetryDay

HALF_WIDTH_KW = 10.0
PERSISTENCE_OFF_KW = 20.0
ROOM_KW = {"firm": 1.0, "expected": 2.0, "optimistic": 3.0}


def stored_run(
    portfolio: Portfolio,
    *,
    issued_at: datetime,
    grid: Grid,
    mean_kw: Mapping[Asset | None, float],
    notes: Iterable[str] = (),
    quality: str = "good",
) -> ForecastRun:
    """Of every asset, and of the portfolio under None: P10 and P90 are HALF_WIDTH_KW away, persistence PERSISTENCE_OFF_KW above."""
    run = ForecastRun.objects.create(
        portfolio=portfolio,
        issued_at=issued_at,
        available_at=issued_at,
        starts_at=grid.starts_at,
        resolution_s=int(grid.resolution.total_seconds()),
        n_periods=len(grid),
        model_version="tests",
        inputs_hash="5" * 64,
        notes=list(notes),
    )
    offsets = {"mean": 0.0, "p10": -HALF_WIDTH_KW, "p50": 0.0, "p90": HALF_WIDTH_KW, "persistence": PERSISTENCE_OFF_KW}
    for asset, mean in mean_kw.items():
        arrays = {f"{name}_kw": pack_f4(np.full(len(grid), mean + off)) for name, off in offsets.items()}
        QuantileForecast.objects.create(run=run, asset=asset, quality=quality, **arrays)
        for level in LEVELS:
            bounds = {"base_kw": mean, "min_kw": mean - 2 * ROOM_KW[level], "max_kw": mean + ROOM_KW[level], "min_kwh": 0.0, "max_kwh": 0.0}
            packed = {name: pack_f4(np.full(len(grid), value)) for name, value in bounds.items()}
            AvailabilityForecast.objects.create(run=run, asset=asset, level=level, quality=quality, **packed)
    return run


def measured(asset: Asset, grid: Grid, kw: np.ndarray, *, marks: Mapping[int, int] | None = None) -> None:
    """One folded day of power; `marks`: period -> quality."""
    quality = np.zeros(len(grid), dtype=np.uint8)
    for period, mark in (marks or {}).items():
        quality[period] = mark
    TelemetryDay.objects.create(
        asset=asset,
        day=day_of(grid.starts_at),
        starts_at=grid.starts_at,
        series="injection_kw",
        resolution_s=int(grid.resolution.total_seconds()),
        values=pack_f4(kw),
        quality=quality.tobytes(),
        available_at=grid.ends_at,
    )


def intervened(asset: Asset, grid: Grid, periods: slice, *, kind: str = "intervened") -> None:
    starts = grid.starts[periods]
    Commitment.objects.create(
        asset=asset, kind=kind, starts_at=starts[0], ends_at=starts[-1] + grid.resolution, available_at=starts[0], reference="tests"
    )


def scored(run: ForecastRun, kind: str, nmae: float | None, persistence: float | None, coverage: float | None, reason: str = "") -> None:
    ForecastScore.objects.create(
        run=run, kind=kind, nmae_ratio=nmae, nmae_persistence_ratio=persistence, coverage_p10_p90_ratio=coverage, reason=reason
    )

"""What the overview shows of one portfolio and day: read-only, nothing computed twice elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from aggregator.assets.queries import members_on
from aggregator.dispatch.models import DispatchPlan
from aggregator.kernel.periods import Grid, delivery_day
from aggregator.support.arrays import unpack_f4
from aggregator.telemetry.queries import power
from market.bids.models import Bid
from market.instructions.models import DispatchInstruction
from market.prices.queries import curve


@dataclass(frozen=True)
class DayPicture:
    grid: Grid
    plan_kw: np.ndarray
    actual_kw: np.ndarray
    baseline_kw: np.ndarray
    day_ahead: np.ndarray
    real_time: np.ndarray
    instructions: list[DispatchInstruction]

    def as_json(self, *, now: datetime, labels: dict[int, str]) -> dict[str, Any]:
        """Plain values; NaN (missing) becomes null."""
        return {
            "now": now.isoformat(),
            "starts": [at.isoformat() for at in self.grid.starts],
            "plan_kw": _nullable(self.plan_kw),
            "actual_kw": _nullable(self.actual_kw),
            "baseline_kw": _nullable(self.baseline_kw),
            "day_ahead_cny_per_mwh": _nullable(self.day_ahead),
            "real_time_cny_per_mwh": _nullable(self.real_time),
            "instructions": [
                {"starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat(), "label": labels[row.pk]}
                for row in self.instructions
            ],
        }

    def rows(self) -> list[dict[str, Any]]:
        """The chart as a table: one row a period."""
        names = ("baseline_kw", "plan_kw", "actual_kw", "day_ahead", "real_time")
        columns = {name: _nullable(getattr(self, name)) for name in names}
        return [{"at": at, **{name: columns[name][k] for name in names}} for k, at in enumerate(self.grid.starts)]


def _nullable(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 3) for value in values]


def _plan(portfolio_id: int, grid: Grid) -> np.ndarray:
    """Later plans replace earlier ones from their first period on."""
    out = np.full(len(grid), np.nan)
    plans = DispatchPlan.objects.filter(portfolio_id=portfolio_id, starts_at__lt=grid.ends_at, starts_at__gte=grid.starts_at)
    for plan in plans.exclude(purpose="stop").order_by("sequence"):
        if timedelta(seconds=plan.resolution_s) != grid.resolution:
            continue
        first = grid.index(plan.starts_at)
        values = unpack_f4(plan.planned_kw)[: len(grid) - first]
        out[first : first + len(values)] = values
    return out


def _price(park_id: int, market: str, day: date, grid: Grid, known_at: datetime) -> np.ndarray:
    found = curve(park_id=park_id, market=market, day=day, known_at=known_at)
    if found is None or len(found.cny_per_mwh) != len(grid):
        return np.full(len(grid), np.nan)
    return found.cny_per_mwh


def day_picture(*, portfolio_id: int, park_id: int, day: date, resolution: timedelta, now: datetime) -> DayPicture:
    """Everything known at `now` about `day`."""
    grid = delivery_day(day, resolution=resolution)
    members = members_on(portfolio_id=portfolio_id, day=day)
    measured = power(asset_ids=[m.asset_id for m in members], grid=grid, known_at=now)
    # One silent asset makes the sum unknown: a gap is a gap. Fully silent assets are left out and counted on the tile.
    heard = measured[~np.isnan(measured).all(axis=1)]
    actual = heard.sum(axis=0) if len(heard) else np.full(len(grid), np.nan)
    bid = Bid.objects.filter(portfolio_id=portfolio_id, product="spot", delivery_day=day).exclude(state="withdrawn").first()
    baseline = unpack_f4(bid.baseline_kw) if bid and bid.baseline_kw else np.full(len(grid), np.nan)
    instructions = DispatchInstruction.objects.filter(portfolio_id=portfolio_id, starts_at__lt=grid.ends_at, ends_at__gt=grid.starts_at)
    return DayPicture(
        grid=grid,
        plan_kw=_plan(portfolio_id, grid),
        actual_kw=actual,
        baseline_kw=baseline if len(baseline) == len(grid) else np.full(len(grid), np.nan),
        day_ahead=_price(park_id, "day_ahead", day, grid, now),
        real_time=_price(park_id, "real_time", day, grid, now),
        instructions=list(instructions),
    )

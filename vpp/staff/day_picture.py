"""What the overview shows of one portfolio and day: read-only, nothing computed twice elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from aggregator.assets.queries import PortfolioFacts, members_on
from aggregator.dispatch.queries import plans
from aggregator.kernel.periods import Grid, delivery_day
from aggregator.telemetry.queries import power
from market.bids.queries import bids_on
from market.instructions.queries import InstructionFacts, instructions_on
from market.prices.queries import curve
from vpp.charting import edges, nullable, wall


@dataclass(frozen=True)
class DayPicture:
    grid: Grid
    plan_kw: np.ndarray
    actual_kw: np.ndarray
    baseline_kw: np.ndarray
    day_ahead: np.ndarray
    real_time: np.ndarray
    instructions: list[InstructionFacts]

    def as_json(self, *, now: datetime, labels: dict[int, str]) -> dict[str, Any]:
        """Plain values; NaN (missing) becomes null, times become local wall times."""
        return {
            "now": wall(now),
            "edges": edges(self.grid),
            "plan_kw": nullable(self.plan_kw),
            "actual_kw": nullable(self.actual_kw),
            "baseline_kw": nullable(self.baseline_kw),
            "day_ahead_cny_per_mwh": nullable(self.day_ahead),
            "real_time_cny_per_mwh": nullable(self.real_time),
            "instructions": [
                {"starts_at": wall(row.starts_at), "ends_at": wall(row.ends_at), "label": labels[row.id]} for row in self.instructions
            ],
        }

    def rows(self) -> list[dict[str, Any]]:
        """The chart as a table: one row a period."""
        names = ("baseline_kw", "plan_kw", "actual_kw", "day_ahead", "real_time")
        columns = {name: nullable(getattr(self, name)) for name in names}
        return [{"at": at, **{name: columns[name][k] for name in names}} for k, at in enumerate(self.grid.starts)]


def _missing(grid: Grid) -> np.ndarray:
    return np.full(len(grid), np.nan)


def _plan(portfolio_id: int, grid: Grid) -> np.ndarray:
    """Later plans replace earlier ones from their first period on; a stop plans nothing."""
    out = _missing(grid)
    for plan in plans(portfolio_id=portfolio_id, starts_before=grid.ends_at, ends_after=grid.starts_at):
        if plan.purpose == "stop" or plan.violations or plan.grid.resolution != grid.resolution or plan.grid.starts_at < grid.starts_at:
            continue
        first = grid.index(plan.grid.starts_at)
        values = plan.planned_kw[: len(grid) - first]
        out[first : first + len(values)] = values
    return out


def _price(park_id: int, market: str, day: date, grid: Grid, known_at: datetime) -> np.ndarray:
    found = curve(park_id=park_id, market=market, day=day, known_at=known_at)
    return _missing(grid) if found is None or len(found.cny_per_mwh) != len(grid) else found.cny_per_mwh


def _baseline(portfolio_id: int, day: date, grid: Grid) -> np.ndarray:
    spot = next((bid for bid in bids_on(portfolio_id=portfolio_id, day=day) if bid.product == "spot"), None)
    return spot.baseline_kw if spot is not None and len(spot.baseline_kw) == len(grid) else _missing(grid)


def day_picture(*, portfolio: PortfolioFacts, day: date, now: datetime) -> DayPicture:
    """Everything known at `now` about `day`."""
    grid = delivery_day(day, resolution=timedelta(seconds=portfolio.resolution_s))
    members = members_on(portfolio_id=portfolio.id, day=day)
    measured = power(asset_ids=[m.asset_id for m in members], grid=grid, known_at=now)
    # One silent asset makes the sum unknown: a gap is a gap. Fully silent assets are left out and counted on the tile.
    heard = measured[~np.isnan(measured).all(axis=1)]
    return DayPicture(
        grid=grid,
        plan_kw=_plan(portfolio.id, grid),
        actual_kw=heard.sum(axis=0) if len(heard) else _missing(grid),
        baseline_kw=_baseline(portfolio.id, day, grid),
        day_ahead=_price(portfolio.park_id, "day_ahead", day, grid, now),
        real_time=_price(portfolio.park_id, "real_time", day, grid, now),
        instructions=instructions_on(portfolio_id=portfolio.id, day=day),
    )

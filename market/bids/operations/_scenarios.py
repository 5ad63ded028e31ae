"""What the scenarios of a bid are made from: price days, and what generation and load did on them."""

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from aggregator.assets.domain import kind_of
from aggregator.assets.queries import Member, commitments, members_on
from aggregator.forecasts.queries import RunFacts, quantiles
from aggregator.kernel.periods import Grid, delivery_day
from aggregator.telemetry.queries import power
from market.bids.domain import (
    BidPolicy,
    ClassDays,
    JointScenarios,
    Observed,
    Spread,
    deviation_cost,
    joined,
    lookback,
    offer_form,
    on_clock,
    price_scenarios,
)
from market.bids.operations._planning import PlanningDay
from market.prices.queries import history

ASSETS_AT_ONCE = 500
NOT_NATURAL = ("intervened", "event_day", "outage")  # what was done to an asset is no example of what it does


def scenarios_of(plan: PlanningDay, run: RunFacts, *, now: datetime, policy: BidPolicy) -> JointScenarios:
    """Joint scenarios as they can be known at `now`. Cars and storage are as expected in all of them. Raises PriceHistoryMissing."""
    known = {
        market: history(park_id=plan.portfolio.park_id, market=market, days=lookback(plan.day, days=policy.history_days), known_at=now)
        for market in ("day_ahead", "real_time")
    }
    form = offer_form(plan.pack)
    prices = price_scenarios(
        history=known["day_ahead"],
        day=plan.day,
        grid=plan.grid,
        most=policy.scenarios,
        expected_days=policy.expected_days,
        limits_cny_per_mwh=(float(form.price_floor_cny_per_mwh), float(form.price_cap_cny_per_mwh)),
        tz=plan.tz,
    )
    deviation = deviation_cost(
        prices=prices,
        real_time=known["real_time"],
        grid=plan.grid,
        least_cny_per_mwh=policy.least_deviation_cny_per_mwh,
        assumed_cny_per_mwh=policy.deviation_cny_per_mwh,
        tz=plan.tz,
    )
    spreads = _Spreads(run, plan.grid)
    classes = _classes(plan, spreads)
    observed = [_observed(plan, members, spreads, prices.days, now) for members in classes]
    return joined(
        prices=prices,
        deviation=deviation,
        observed={day: Observed(*courses) for day, *courses in zip(prices.days, *observed, strict=True)},
        generation=spreads.summed(classes[0]),
        load=spreads.summed(classes[1]),
        portfolio=spreads.portfolio(),
        generation_most_kw=float(sum(member.spec.rated_kw for member in classes[0])),
    )


def _classes(plan: PlanningDay, spreads: "_Spreads") -> tuple[list[Member], list[Member]]:
    """Generation and load that were forecast; cars move with their stays, storage with us."""
    members = [m for m in members_on(portfolio_id=plan.portfolio.id, day=plan.day) if spreads.knows(m)]
    return [m for m in members if kind_of(m.kind).green], [m for m in members if m.kind == "load"]


class _Spreads:
    """Quantiles of the forecast run."""

    def __init__(self, run: RunFacts, grid: Grid) -> None:
        self.grid, self.of = grid, quantiles(run_id=run.id, grid=grid)

    def knows(self, member: Member) -> bool:
        return member.asset_id in self.of and bool(np.isfinite(self.of[member.asset_id].mean).all())

    def mean_kw(self, members: Sequence[Member]) -> np.ndarray:
        """(n_members, n_periods)"""
        return np.array([self.of[member.asset_id].mean for member in members]).reshape(len(members), len(self.grid))

    def summed(self, members: Sequence[Member]) -> Spread:
        """As if all of the class were wrong at once; the portfolio's own quantiles narrow it."""
        rows = [self.of[member.asset_id] for member in members]
        zero = np.zeros(len(self.grid))
        return Spread(*(sum((getattr(row, name) for row in rows), zero) for name in ("mean", "p10", "p50", "p90")))

    def portfolio(self) -> Spread:
        whole = self.of[None]
        return Spread(whole.mean, whole.p10, whole.p50, whole.p90)


def _observed(plan: PlanningDay, members: Sequence[Member], spreads: _Spreads, days: Sequence[date], now: datetime) -> np.ndarray:
    """(n_days, n_periods) what the class did on each day against the others [kW], on the clock of the delivery day."""
    total = ClassDays.empty(days=len(days), periods=len(plan.grid))
    for first in range(0, len(members), ASSETS_AT_ONCE):
        block = members[first : first + ASSETS_AT_ONCE]
        natural = np.stack([_natural(plan, block, day, now) for day in days], axis=1)
        total.add(natural, forecast_kw=spreads.mean_kw(block))
    return total.observed_kw()


def _natural(plan: PlanningDay, members: Sequence[Member], day: date, now: datetime) -> np.ndarray:
    """(n_members, n_periods) measured injection of a past day [kW], NaN where unknown, marked, or not left alone."""
    grid = delivery_day(day, resolution=plan.grid.resolution, tz=plan.tz)
    ids = [member.asset_id for member in members]
    kw = power(asset_ids=ids, grid=grid, known_at=now, good_only=True)
    touched = commitments(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=now, kinds=NOT_NATURAL)
    for window in touched:
        kw[ids.index(window.asset_id), grid.window(window.starts_at, window.ends_at)] = np.nan
    aligned = on_clock(kw, day, plan.grid, plan.tz)
    assert aligned is not None, "a day in the market's resolution fits its own grid"
    return aligned

"""The evening before: plan the day at the published prices with what was awarded, and fix who nominates what."""

from datetime import date, datetime, timedelta

import numpy as np
from django.db import transaction

from aggregator.assets.queries import members_on
from aggregator.dispatch.domain import FirmBlock
from aggregator.dispatch.models import DispatchPlan
from aggregator.dispatch.operations import schedule
from aggregator.forecasts.queries import RunFacts, latest_run, quantiles
from aggregator.kernel.errors import Anticipated
from aggregator.metering.queries import portfolio_baseline
from aggregator.support.arrays import pack_i8
from market.bids.models import Nomination
from market.bids.operations._planning import PlanningDay, planning_day, planning_prices
from market.bids.operations._prepare import ForecastMissing
from market.bids.queries import AwardFacts, awards_on
from market.prices.queries import curve
from market.rules.domain import baseline_method

WH_PER_KWH = 1000
KWH_PER_MWH = 1000


class DayAheadPricesMissing(Anticipated):
    code = "bid.day_ahead_prices_missing"
    text = "The day-ahead prices of %(day)s are not complete; the day is not scheduled on invented prices."
    status = 409


def schedule_day(*, portfolio_id: int, delivery_day: date, now: datetime) -> int:
    """Plan the day and send it; write each site's part of an awarded spot position. Returns the plan's id.

    Awarded demand response is held as a fixed block above its baseline. Asking again changes nothing.
    Raises DayAheadPricesMissing, ForecastMissing, and what dispatch refuses.
    """
    plan = planning_day(portfolio_id=portfolio_id, day=delivery_day)
    value = day_ahead_value(plan, now=now)
    run = latest_run(portfolio_id=portfolio_id, grid=plan.grid, known_at=now)
    if run is None:
        raise ForecastMissing(day=delivery_day.isoformat())
    awards = awards_on(portfolio_id=portfolio_id, day=delivery_day, known_at=now)
    demand = awards.get("demand_response")
    prices = planning_prices(plan, value_cny_per_mwh=value)
    made = schedule(
        portfolio_id=portfolio_id,
        grid=plan.grid,
        run_id=run.id,
        injection_value_cny_per_kwh=prices.injection_value_cny_per_kwh,
        import_adder_cny_per_kwh=prices.import_adder_cny_per_kwh,
        demand_price_cny_per_kw=prices.demand_price_cny_per_kw,
        firm=None if demand is None else firm_block(plan, demand),
        reference=f"day {delivery_day.isoformat()}",
        issued_at=now,
    )
    if "spot" in awards:
        _nominate(plan, awards["spot"], demand, made, run)
    return made.pk


def day_ahead_value(plan: PlanningDay, *, now: datetime) -> np.ndarray:
    """The published day-ahead prices [CNY/MWh] on the day's grid. Raises DayAheadPricesMissing."""
    published = curve(park_id=plan.portfolio.park_id, market="day_ahead", day=plan.day, known_at=now)
    if (
        published is None
        or published.resolution != plan.grid.resolution
        or len(published.cny_per_mwh) != len(plan.grid)
        or not np.isfinite(published.cny_per_mwh).all()
    ):
        raise DayAheadPricesMissing(day=plan.day.isoformat())
    return published.cny_per_mwh


def firm_block(plan: PlanningDay, award: AwardFacts) -> FirmBlock:
    """The awarded change as a promise over its window, above the baseline that the bid was made with: each period's own
    quantity at its own price."""
    window = plan.grid.window(award.starts[0], award.starts[-1] + award.bid.resolution)
    change_kw = np.array([float(kw) for kw in award.injection_kw])
    return FirmBlock(
        window=window,
        baseline_kw=award.bid.baseline_kw[window],
        price_cny_per_kwh=np.array([float(price) for price in award.price_cny_per_mwh]) / KWH_PER_MWH,
        max_kw=float(np.abs(change_kw).max()),
        fixed_kw=np.abs(change_kw),
        direction=1 if change_kw.sum() > 0 else -1,
    )


def _nominate(plan: PlanningDay, spot: AwardFacts, demand: AwardFacts | None, made: DispatchPlan, run: RunFacts) -> None:
    """Planned injection per site; in the demand-response window its baseline: one movement, one product."""
    expected = _expected_kw(plan, run)
    planned = _planned_kw(plan, made)
    baseline, window = _baselines_kw(plan, demand)
    rows = []
    for site in plan.sites:
        kw = planned.get(str(site.public_id), np.full(len(plan.grid), np.nan))
        kw = np.where(np.isfinite(kw), kw, expected[site.site_id])
        if window is not None:
            kw[window] = baseline[site.site_id][window]
        wh = np.rint(kw * plan.grid.hours * WH_PER_KWH).astype(np.int64)
        rows.append(Nomination(award_id=spot.id, site_id=site.site_id, injection_wh=pack_i8(wh)))
    with transaction.atomic():
        if not Nomination.objects.select_for_update().filter(award_id=spot.id).exists():
            Nomination.objects.bulk_create(rows, ignore_conflicts=True)


def _planned_kw(plan: PlanningDay, made: DispatchPlan) -> dict[str, np.ndarray]:
    """Site public id -> planned injection [kW] on the day's grid; NaN where the plan says nothing.

    A plan that its independent check refused is not sent, so it says nothing at all.
    """
    if made.violations:
        return {}
    window = plan.grid.window(made.starts_at, made.starts_at + made.n_periods * timedelta(seconds=made.resolution_s))
    found = {}
    for key, values in made.site_kw.items():
        found[key] = np.full(len(plan.grid), np.nan)
        found[key][window] = values
    return found


def _expected_kw(plan: PlanningDay, run: RunFacts) -> dict[int, np.ndarray]:
    """site_id -> expected injection without us [kW]: what stands in for periods that nothing was planned for."""
    forecast = quantiles(run_id=run.id, grid=plan.grid)
    expected = {site.site_id: np.zeros(len(plan.grid)) for site in plan.sites}
    for member in members_on(portfolio_id=plan.portfolio.id, day=plan.day):
        mean = forecast[member.asset_id].mean if member.asset_id in forecast else np.full(len(plan.grid), np.nan)
        expected[member.site_id] = expected[member.site_id] + mean
    if any(not np.isfinite(values).all() for values in expected.values()):
        raise ForecastMissing(day=plan.day.isoformat())
    return expected


def _baselines_kw(plan: PlanningDay, demand: AwardFacts | None) -> tuple[dict[int | None, np.ndarray], slice | None]:
    """site_id -> the baseline that the demand-response bid was made with, from what was known then; and its window."""
    if demand is None:
        return {}, None
    found = portfolio_baseline(
        site_ids=[site.site_id for site in plan.sites],
        grid=plan.grid,
        method_params=baseline_method(plan.pack),
        notified_at=None,  # as the bid was made: before anybody was called
        known_at=demand.bid.computed_at,
        event_starts_at=demand.starts[0],
    )
    kw = {site_id: member.injection_kwh / plan.grid.hours for site_id, member in found.members.items()}
    return kw, plan.grid.window(demand.starts[0], demand.starts[-1] + demand.bid.resolution)

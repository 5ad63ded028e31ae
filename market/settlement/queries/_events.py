"""Called demand response of one award: orders, baselines from connection meters, and who was asked for what."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from aggregator.assets.queries import SiteFacts
from aggregator.dispatch.queries import PlanFacts, plans
from aggregator.kernel.periods import Grid
from aggregator.metering.domain import Baseline, BaselineUnavailable, SameDay, baseline
from aggregator.metering.queries import baseline_history
from market.bids.queries import AwardFacts
from market.instructions.queries import InstructionFacts, instructions_of
from market.rules.domain import Pack, baseline_method, figure
from market.settlement.domain import Event

NOT_IN_AWARD = ("unknown_award", "award_of_another_product", "outside_awarded_window", "above_award")
WH_PER_KWH = 1000


def gather_events(
    *,
    award: AwardFacts | None,
    sites: Mapping[str, SiteFacts],
    metered_wh: Mapping[str, Sequence[int | None]],
    day: date,
    grid: Grid,
    pack: Pack,
    as_of: datetime,
) -> tuple[tuple[Event, ...], tuple[dict[str, Any], ...]]:
    """(events, one note of evidence per event). None where nothing was awarded or called.

    `metered_wh`: the day at the connection of each site, for a baseline that is adjusted by the hours before the call.
    Raises FigureUnknown where the pack has no baseline rules.
    """
    if award is None or not award.starts:
        return (), ()
    orders = [order for order in instructions_of(award_id=award.id) if order.received_at <= as_of and stands(order)]
    ordered = _ordered_wh(orders, award, grid)
    called = [order for order in orders if ordered[order.id]]
    if not called:
        return (), ()
    baselines_of = _Baselines(sites, metered_wh, day, grid, pack, award)
    events, notes = [], []
    for order in called:
        found = baselines_of.order(order)
        periods = sorted(ordered[order.id])
        baselines = {key: _wh(one, periods) for key, one in found.items() if isinstance(one, Baseline)}
        direction = 1 if order.injection_change_kw > 0 else -1
        prices = dict(zip(award.starts, award.price_cny_per_mwh, strict=True))
        events.append(
            Event(
                key=str(order.public_id),
                direction=direction,
                ordered_wh=ordered[order.id],
                price_cny_per_mwh={t: prices[_award_start(award, grid.starts[t])] for t in periods},
                baseline_wh=baselines,
                planned_wh=_planned(order, sites, baselines, grid, periods, direction),
            )
        )
        notes.append(_note(order, award, found, pack))
    return tuple(events), tuple(notes)


def stands(order: InstructionFacts) -> bool:
    """Whether the grid may expect the order to be followed.

    A refusal that names the award (the order never fitted it) is right; any other is ours to answer for.
    """
    if order.state == "cancelled" or order.received_at >= order.ends_at:
        return False
    return not (order.state == "refused" and order.state_reason in NOT_IN_AWARD)


def _award_start(award: AwardFacts, at: datetime) -> datetime:
    return next(start for start in award.starts if start <= at < start + award.bid.resolution)


def _ordered_wh(orders: Sequence[InstructionFacts], award: AwardFacts, grid: Grid) -> dict[int, dict[int, int]]:
    """Per order the ordered energy of each awarded period; a later order of the same period replaces an earlier one."""
    awarded = {
        t: kw for start, kw in zip(award.starts, award.injection_kw, strict=True) for t in _periods(grid, start, award.bid.resolution)
    }
    of_order: dict[int, dict[int, int]] = {order.id: {} for order in orders}
    ruling: dict[int, InstructionFacts] = {}
    for order in sorted(orders, key=lambda order: (order.issued_at, order.reference)):
        window = grid.window(order.starts_at, order.ends_at)
        ruling |= {t: order for t in range(window.start, window.stop) if t in awarded}
    for t, order in sorted(ruling.items()):
        start = grid.starts[t]
        covered = min(order.ends_at, start + grid.resolution) - max(order.starts_at, start)
        kw = min(abs(Decimal(str(order.injection_change_kw))), abs(awarded[t]))
        wh = int((kw * 1000 * int(covered.total_seconds()) / 3600).to_integral_value())
        if wh and (order.injection_change_kw > 0) == (awarded[t] > 0):
            of_order[order.id][t] = wh
    return of_order


def _periods(grid: Grid, start: datetime, resolution: timedelta) -> range:
    window = grid.window(start, start + resolution)
    return range(window.start, window.stop)


class _Baselines:
    """One baseline per site for each order: earlier days as they were known when the bid was made.

    Where the pack adjusts by the same day, the day's own readings before the order arrived come in, and none after it.
    """

    def __init__(
        self,
        sites: Mapping[str, SiteFacts],
        metered_wh: Mapping[str, Sequence[int | None]],
        day: date,
        grid: Grid,
        pack: Pack,
        award: AwardFacts,
    ) -> None:
        self.sites, self.metered_wh, self.day, self.grid = sites, metered_wh, day, grid
        self.method = baseline_method(pack)
        ids = [site.site_id for site in sites.values()]
        known_at = award.bid.computed_at
        self.history = baseline_history(site_ids=ids, day=day, method_params=self.method, known_at=known_at, resolution=grid.resolution)

    def order(self, order: InstructionFacts) -> dict[str, Baseline | BaselineUnavailable]:
        found: dict[str, Baseline | BaselineUnavailable] = {}
        for key, site in sorted(self.sites.items()):
            try:
                found[key] = baseline(
                    day=self.day, history=self.history[site.site_id], method=self.method, same_day=self._same_day(key, order)
                )
            except BaselineUnavailable as unavailable:
                found[key] = unavailable
        return found

    def _same_day(self, key: str, order: InstructionFacts) -> SameDay:
        """What was metered in the periods that were wholly over when the order arrived."""
        notified = min(len(self.grid), max(timedelta(0), order.received_at - self.grid.starts_at) // self.grid.resolution)
        values = [np.nan if wh is None else wh / WH_PER_KWH for wh in self.metered_wh[key][:notified]]
        kwh = np.full(len(self.grid), np.nan)
        kwh[:notified] = values
        event = max(timedelta(0), order.starts_at - self.grid.starts_at) // self.grid.resolution
        return SameDay(kwh, event, notified, 1 / self.grid.hours)


def _wh(found: Baseline, periods: Sequence[int]) -> dict[int, int]:
    return {t: round(float(found.injection_kwh[t]) * WH_PER_KWH) for t in periods}


def _first_plan(order: InstructionFacts) -> PlanFacts | None:
    """The plan that answered the order when it came; re-dispatches do not move the blame."""
    near = plans(portfolio_id=order.portfolio_id, starts_before=order.ends_at, ends_after=order.starts_at)
    return next(
        (plan for plan in near if plan.purpose == "instruction" and str(order.public_id) in plan.reference and not plan.violations), None
    )


def _planned(
    order: InstructionFacts,
    sites: Mapping[str, SiteFacts],
    baselines: Mapping[str, Mapping[int, int]],
    grid: Grid,
    periods: Sequence[int],
    direction: int,
) -> dict[str, dict[int, int]]:
    """What the first plan asked of each site: planned minus baseline, in the order's direction, >= 0."""
    plan = _first_plan(order)
    if plan is None or plan.grid.resolution != grid.resolution:
        return {}
    offset = int((plan.grid.starts_at - grid.starts_at) / grid.resolution)
    asked: dict[str, dict[int, int]] = {}
    for key, site in sorted(sites.items()):
        series = plan.site_kw.get(str(site.public_id))
        if series is None or key not in baselines:
            continue
        for t in periods:
            if 0 <= t - offset < len(plan.grid):
                change = direction * (round(series[t - offset] * grid.hours * WH_PER_KWH) - baselines[key][t])
                asked.setdefault(key, {})[t] = max(0, change)
    return asked


def _note(order: InstructionFacts, award: AwardFacts, found: Mapping[str, Baseline | BaselineUnavailable], pack: Pack) -> dict[str, Any]:
    baselines = {}
    for key, one in sorted(found.items()):
        if isinstance(one, Baseline):
            baselines[key] = {
                "method": one.method,
                "days_used": [of.isoformat() for of in one.days_used],
                "days_excluded": [[of.isoformat(), why] for of, why in one.days_excluded],
                "factor": round(one.factor, 6),
                "adjustment": one.adjustment,
                "capped": one.capped,
            }
        else:
            baselines[key] = {"refused": one.code, "found": one.fields["found"], "needed": one.fields["needed"]}
    return {
        "instruction": str(order.public_id),
        "award": str(award.public_id),
        "direction": "up" if order.injection_change_kw > 0 else "down",
        "starts_at": order.starts_at.isoformat(),
        "ends_at": order.ends_at.isoformat(),
        "injection_change_kw": order.injection_change_kw,
        "tier": figure(pack=pack, path="demand_response.tier"),
        "notified_at": order.received_at.isoformat(),
        "baseline_aggregation": "sum_of_sites",
        "baselines": baselines,
    }

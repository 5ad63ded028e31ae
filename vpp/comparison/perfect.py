"""The yardstick: the bidding model on what really happened, position taken day-ahead without deviation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np

from aggregator.assets.domain import Device, Envelope, Spec, Stay, kind_of
from aggregator.dispatch.domain import (
    FirmBlock,
    Schedule,
    ScheduleProblem,
    SiteProblem,
    holdable_block,
    peak_price_cny_per_kw,
    solve_schedule,
)
from aggregator.kernel.money import fen_from_cny
from aggregator.kernel.periods import Grid
from vpp.comparison.costs import DayCosts, Shed, SiteDay, SiteTerms, Stored, day_costs

WH_PER_KWH = 1000


@dataclass(frozen=True)
class ActualAsset:
    """One asset with the envelope of what really happened; `stored_kwh` of a storage or a room at the day's start, `stays` of cars."""

    site: str
    kind: str
    spec: Spec
    envelope: Envelope
    stored_kwh: float | None = None
    stays: tuple[Stay, ...] | None = None

    @property
    def device(self) -> Device:
        known = {name: value for name in ("stored_kwh", "stays") if (value := getattr(self, name)) is not None}
        return kind_of(self.kind).physics.device(self.spec, self.envelope, **known)


@dataclass(frozen=True)
class PerfectDay:
    schedule: Schedule
    costs: DayCosts


def perfect_foresight(
    *,
    day: date,
    grid: Grid,
    terms: Sequence[SiteTerms],
    limits_kw: Mapping[str, tuple[float, float]],
    assets: Mapping[str, ActualAsset],
    day_ahead: np.ndarray,
    firm: FirmBlock | None,
    deadline_s: float,
) -> PerfectDay:
    """Solve the day knowing it, and cost it with the formula of the other two ways. A firm block without quantity is one
    that may be promised as far as it pays.

    `limits_kw`: site -> (import, export) limit. Q_da = Q_act, so everything is paid day-ahead; what the
    firm block covers earns its own price instead.
    """
    devices = {key: (asset.site, asset.device) for key, asset in assets.items()}
    problem = ScheduleProblem(
        grid=grid,
        sites={
            site.site: SiteProblem(
                import_limit_kw=limits_kw[site.site][0],
                export_limit_kw=limits_kw[site.site][1],
                import_adder_cny_per_kwh=site.import_adder / 1000,
                demand_price_cny_per_kw=peak_price_cny_per_kw(site.demand_price_cny_per_kw_month, day=day),
                peak_so_far_kw=site.peak_so_far_kw,
            )
            for site in terms
        },
        devices=devices,
        injection_value_cny_per_kwh=day_ahead / 1000,
        firm=firm,
    )
    if firm is not None and firm.fixed_kw is None:
        fixed_kw = holdable_block(problem, firm, deadline_s=deadline_s / 2)
        problem = replace(problem, firm=replace(firm, fixed_kw=fixed_kw) if fixed_kw else None)
    schedule = solve_schedule(problem, deadline_s=deadline_s)
    return PerfectDay(schedule=schedule, costs=_costs(day, grid, terms, assets, devices, day_ahead, firm, schedule))


def _costs(
    day: date,
    grid: Grid,
    terms: Sequence[SiteTerms],
    assets: Mapping[str, ActualAsset],
    devices: Mapping[str, tuple[str, Device]],
    day_ahead: np.ndarray,
    firm: FirmBlock | None,
    schedule: Schedule,
) -> DayCosts:
    wh = grid.hours * WH_PER_KWH
    credited, earned_cny = np.zeros(len(grid)), 0.0
    if firm is not None:
        kept_kw = np.maximum(0.0, schedule.firm_kw - schedule.shortfall_kw)[firm.window]
        credited[firm.window] = firm.direction * kept_kw * wh
        earned_cny = float((kept_kw * firm.price_cny_per_kwh).sum()) * grid.hours
    sites = []
    for site in terms:
        injection_wh = (schedule.export_kw[site.site] - schedule.import_kw[site.site]) * wh
        sites.append(SiteDay(terms=site, nominated_wh=injection_wh, metered_wh=injection_wh))
    stores, sheds = [], []
    for key in sorted(assets):
        device, up_kwh = devices[key][1], float(schedule.up_kw[key].sum()) * grid.hours
        if device.store is not None:
            end_kwh = float(schedule.stored_kwh[key][-1])
            cost = device.up_cost_cny_per_kwh
            stores.append(Stored(device.store.initial_kwh, end_kwh, up_kwh, cost, device.terminal_value_ratio))
        elif device.stays:
            # Every car leaves with what it needs; only one that is still there at the end of the day holds something of worth.
            end_kwh = float(np.nan_to_num(schedule.stored_kwh[key][-1]))
            stores.append(Stored(0.0, end_kwh, up_kwh, device.up_cost_cny_per_kwh, device.terminal_value_ratio))
        elif device.calls is not None:
            sheds.append(Shed(shed_kwh=up_kwh, cost_cny_per_kwh=device.up_cost_cny_per_kwh))
    return day_costs(
        day=day,
        grid=grid,
        sites=sites,
        day_ahead=day_ahead,
        real_time=day_ahead,
        credited_wh=credited,
        demand_response_fen=fen_from_cny(Decimal(f"{earned_cny:.12g}")),
        stores=stores,
        sheds=sheds,
    )

"""A fleet as a few virtual parks: sums over clusters of like sites. Right for prices and bids, never a schedule.

A sum is an outer approximation: it can do whatever its members can, and a little more (a full battery lends its power to
an empty one). Limits inside a site and the rest between calls are left out; a call's ramp and rebound count by their energy.
"""

import numpy as np

from aggregator.dispatch.domain.fleet.problem import FleetProblem
from market.bids.domain.risk import VirtualPark
from market.bids.domain.risk_clusters import clusters_of
from market.bids.domain.risk_sums import Sums, fills_of, loads_of, stores_of


def parks_of(
    problem: FleetProblem, clusters: int, *, load_classes: int = 1, reserve_kw: tuple[np.ndarray, np.ndarray] | None = None
) -> list[VirtualPark]:
    """At most `clusters` parks that hold every site once, each with up to `load_classes` loads of different cost.

    Prices are means, weighted by what the members may import. `reserve_kw`: what each store of the fleet could keep free, up and
    down (N,); the parks then tell stores that hold reserve from those that do not.
    """
    label = clusters_of(problem, clusters)
    count, sites = int(label.max()) + 1, problem.sites
    stores, fills = stores_of(problem, label, count, reserve_kw=reserve_kw), fills_of(problem, label, count)
    loads = loads_of(problem, label, count, classes=load_classes)
    sums = Sums(label, count, problem.periods)
    fixed_kw, generation_kw = sums.courses(sites.fixed_injection_kw), sums.courses(sites.generation_kw)
    import_kw, export_kw, peak_kw = (sums.total(column) for column in (sites.import_limit_kw, sites.export_limit_kw, sites.peak_so_far_kw))
    weight = np.maximum(sites.import_limit_kw, 1e-9)
    whole = sums.total(weight)
    buy, sell = (sums.courses(weight[:, None] * price) / whole[:, None] for price in (sites.buy_cny_per_kwh, sites.sell_cny_per_kwh))
    demand = sums.mean(sites.demand_price_cny_per_kw, weight, 0.0)
    share, credit_kwh = _export_shares(problem, sums, generation_kw)
    return [
        VirtualPark(
            import_limit_kw=float(import_kw[c]),
            export_limit_kw=float(export_kw[c]),
            buy_cny_per_kwh=buy[c],
            sell_cny_per_kwh=np.minimum(sell[c], buy[c]),
            fixed_injection_kw=fixed_kw[c],
            generation_kw=generation_kw[c],
            stores=stores[c],
            fills=fills[c],
            loads=loads[c],
            export_share_ratio=float(share[c]),
            export_credit_kwh=float(credit_kwh[c]),
            demand_price_cny_per_kw=float(demand[c]),
            peak_so_far_kw=float(peak_kw[c]),
        )
        for c in range(count)
    ]


def _export_shares(problem: FleetProblem, sums: Sums, generation_kw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C,) what the members together may export of their generation, one without the rule with its whole connection; their credits.

    Where nothing can be curtailed, the ratio is the members' mean: it says what another kWh in a scenario allows.
    """
    sites = problem.sites
    free = np.isinf(sites.export_share_ratio)
    ratio = np.where(free, 0.0, sites.export_share_ratio)
    allowed = sums.total(np.where(free, problem.periods * sites.export_limit_kw, ratio * sites.generation_kw.sum(axis=1)))
    made, ruled = generation_kw.sum(axis=1), (~free).astype(float)
    no_rule = (sums.total(ruled) == 0) | ((made <= 0) & (allowed > 0))
    share = np.where(made > 0, allowed / np.where(made > 0, made, 1.0), sums.mean(ratio, ruled, 0.0))
    return np.where(no_rule, np.inf, share), sums.total(np.where(free, 0.0, sites.export_credit_kwh))

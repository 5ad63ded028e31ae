"""From a portfolio's day (ScheduleProblem) and its joint scenarios to the question that bid curves answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aggregator.dispatch.domain import AssetFacts, FirmBlock, ScheduleProblem
from aggregator.dispatch.domain.fleet.devices import layout_of
from market.bids.domain.capability import UNCERTIFIED, Capability
from market.bids.domain.policy import BidPolicy
from market.bids.domain.reserve_caps import NOBODY, ReserveMembers, reserve_members
from market.bids.domain.risk import CurveProblem, ReserveTerms, VirtualPark
from market.bids.domain.risk_parks import parks_of
from market.bids.domain.scenarios import JointScenarios
from market.bids.domain.steps import OfferForm

KWH_PER_MWH = 1000
LOAD_CLASSES = 3


@dataclass(frozen=True)
class Promise:
    """Demand response that is offered beside the spot: a block with its fixed quantity, and what a missing kWh costs."""

    block: FirmBlock
    shortfall_cny_per_kwh: float

    @property
    def change_kw(self) -> float:
        """Signed: above the baseline for shaving, below for filling."""
        return self.block.direction * float(self.block.fixed_kw or 0.0)


def curve_problem(
    problem: ScheduleProblem,
    *,
    assets: Mapping[str, AssetFacts],
    scenarios: JointScenarios,
    position_kw: np.ndarray,
    form: OfferForm,
    policy: BidPolicy,
    promise: Promise | None = None,
    capability: Capability = UNCERTIFIED,
    reserve: ReserveTerms | None = None,
) -> tuple[CurveProblem, ReserveMembers]:
    """The curves' problem; the quantity is the change of the spot position against `position_kw`.

    Parameters
    ----------
    problem : expected envelopes, without a firm block; its injection value is not used, its terminal value is.
    position_kw : (n_periods,) injection that is offered where nothing is changed, in whole lots; the demand-response window
        stands at its baseline there, is locked, and the ordered power is delivered on top: one movement, one product.
    capability : certified change of injection; where no certificate says, the declared limits alone.
    reserve : what may be offered as reserve; the storages that could hold it are the second answer.
    Notes
    -----
    Certified are the declared limits: of every connection, and of the rated powers of what injects and consumes behind it. All
    energy settles at the market's price, a deviation at that price with its cost against us; sites pay their own adders.
    """
    n = len(problem.grid)
    end_value = problem.terminal_price_cny_per_kwh
    sites_only = replace(
        problem, firm=None, groups={}, group_of={}, injection_value_cny_per_kwh=np.zeros(n), terminal_value_cny_per_kwh=end_value
    )
    layout = layout_of(sites_only)
    members = (
        NOBODY if reserve is None else reserve_members(problem, assets, layout, clusters=policy.parks, lasting_hours=reserve.lasting_hours)
    )
    parks = parks_of(layout.fleet, policy.parks, load_classes=LOAD_CLASSES, reserve_kw=members.caps_kw)
    prices = scenarios.prices_cny_per_mwh / KWH_PER_MWH
    ordered, locked, paid = np.zeros(n), np.full(n, np.nan), 0.0
    if promise is not None:
        window = promise.block.window
        ordered[window], locked[window] = promise.change_kw, 0.0
        paid = problem.grid.hours * float((promise.block.price_cny_per_kwh * np.abs(ordered[window])).sum())
    least, most = declared_kw(problem, assets)
    points = points_on_step(
        prices, min(policy.points, form.max_segments), step_cny_per_kwh=float(form.price_step_cny_per_mwh) / KWH_PER_MWH
    )
    over, under = _deviations(scenarios, promise)
    asked = CurveProblem(
        hours=problem.grid.hours,
        prices_cny_per_kwh=prices,
        points_cny_per_kwh=points,
        parks=tuple(varied(park, shares, scenarios, hours=problem.grid.hours) for park, shares in _with_shares(parks)),
        baseline_injection_kw=position_kw + ordered,
        over_cny_per_kwh=over,
        under_cny_per_kwh=under,
        certified_least_kw=np.maximum(np.minimum(least - position_kw, 0.0), -capability.down_kw),
        certified_most_kw=np.minimum(np.maximum(most - position_kw, 0.0), capability.up_kw),
        reserved_up_kw=np.maximum(ordered, 0.0),
        reserved_down_kw=np.maximum(-ordered, 0.0),
        locked_kw=locked,
        fixed_cost_cny=-problem.grid.hours * (prices @ position_kw) - paid,
        stepped=True,
        reserve=reserve,
    )
    return asked, members


def declared_kw(problem: ScheduleProblem, assets: Mapping[str, AssetFacts]) -> tuple[float, float]:
    """Least and most that the portfolio may inject by its declared limits [kW]: connections, and rated powers behind them."""
    into, out = dict.fromkeys(problem.sites, 0.0), dict.fromkeys(problem.sites, 0.0)
    for key, (site, device) in problem.devices.items():
        rated_kw = assets[key].spec.rated_kw
        out[site] += rated_kw * bool((device.fixed_kw + device.up_kw > 0).any())
        into[site] += rated_kw * bool((device.fixed_kw - device.down_kw < 0).any())
    least_kw = -sum(min(site.import_limit_kw, into[key]) for key, site in problem.sites.items())
    return least_kw, sum(min(site.export_limit_kw, out[key]) for key, site in problem.sites.items())


def points_on_step(prices_cny_per_kwh: np.ndarray, k: int, *, step_cny_per_kwh: float) -> np.ndarray:
    """(n, K) rising price points, quantiles of each period's scenario prices, K <= k.

    They lie an even number of the market's price steps apart, so that a curve turns exactly on a step half-way between them.
    There are no more points than days: each is to be met by one.
    """
    count = min(k, len(np.unique(prices_cny_per_kwh, axis=0)))
    grid = 2 * step_cny_per_kwh
    wanted = np.quantile(prices_cny_per_kwh, np.linspace(0, 1, count) if count > 1 else [0.5], axis=0).T
    ranks = np.arange(count)
    whole = np.maximum.accumulate(np.rint(wanted / grid).astype(np.int64) - ranks, axis=1) + ranks
    return whole * grid


def _deviations(scenarios: JointScenarios, promise: Promise | None) -> tuple[np.ndarray, np.ndarray]:
    """(S, n) cost of a kWh delivered too much and too little: its price, and the deviation's cost on top, either way.

    In the demand-response window a kWh short of the order costs what the rules take for it, where that is more.
    """
    prices, cost = scenarios.prices_cny_per_mwh / KWH_PER_MWH, scenarios.deviation.cny_per_mwh / KWH_PER_MWH
    over, under = cost - prices, prices + cost
    if promise is not None:
        window = promise.block.window
        short = under if promise.block.direction > 0 else over
        short[:, window] = np.maximum(short[:, window], promise.shortfall_cny_per_kwh)
    return over, under


def _with_shares(parks: list[VirtualPark]) -> list[tuple[VirtualPark, tuple[np.ndarray, np.ndarray]]]:
    """Each park with its part (n,) of a change of all generation and of all load, by what is expected of it there."""
    made = np.array([park.generation_kw + np.maximum(park.fixed_injection_kw, 0.0) for park in parks])
    used = np.array([np.maximum(-park.fixed_injection_kw, 0.0) for park in parks])
    return [(park, (_part(made, k), _part(used, k))) for k, park in enumerate(parks)]


def _part(of_parks: np.ndarray, k: int) -> np.ndarray:
    whole = of_parks.sum(axis=0)
    return np.divide(of_parks[k], whole, out=np.full_like(whole, 1 / len(of_parks)), where=whole > 0)


def varied(park: VirtualPark, shares: tuple[np.ndarray, np.ndarray], scenarios: JointScenarios, *, hours: float) -> VirtualPark:
    """The park with (S, n) generation and load. Generation falls to nothing at worst; what cannot be curtailed is fixed, and counts
    for the export share as much as what can."""
    of_generation, of_load = shares
    change = of_generation * scenarios.generation_kw
    curtailable = park.generation_kw > 0
    generation_kw = np.where(curtailable, np.maximum(park.generation_kw + change, 0.0), 0.0)
    uncurtailed_kw = np.where(curtailable, 0.0, change)
    fixed_kw = park.fixed_injection_kw + of_load * scenarios.load_kw + uncurtailed_kw
    credit = park.export_credit_kwh
    if np.isfinite(park.export_share_ratio):
        credit = credit + park.export_share_ratio * hours * uncurtailed_kw.sum(axis=1)
    return replace(park, generation_kw=generation_kw, fixed_injection_kw=fixed_kw, export_credit_kwh=credit)

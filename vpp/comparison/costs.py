"""What a park's day costs (docs/architecture.md section 4): one formula for all three ways.

Injection into the grid is positive; energies [Wh], prices [CNY/MWh], arrays (n_periods,).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from aggregator.dispatch.domain import peak_price_cny_per_kw
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.money import fen_from_cny
from aggregator.kernel.periods import Grid

WH_PER_MWH = 1_000_000


class CostsUnknown(Anticipated):
    code = "comparison.costs_unknown"
    text = "The day's cost cannot be computed: %(why)s."
    status = 409


@dataclass(frozen=True)
class SiteTerms:
    """What a site pays whoever operates it: contract curve, its energy price, adders, demand charge above what the month's
    largest import before the day covers."""

    site: str
    contract_wh: np.ndarray
    contract_price: np.ndarray
    import_adder: np.ndarray
    demand_price_cny_per_kw_month: float
    peak_so_far_kw: float = 0.0


@dataclass(frozen=True)
class SiteDay:
    """One site's day in one of the three ways; NaN = missing."""

    terms: SiteTerms
    nominated_wh: np.ndarray
    metered_wh: np.ndarray


@dataclass(frozen=True)
class Stored:
    """One store: wear per kWh discharged, and energy left at the end against the start [kWh].

    `value_ratio` is what a stored kWh gives back (the discharge efficiency).
    """

    start_kwh: float
    end_kwh: float
    discharged_kwh: float
    wear_cny_per_kwh: float
    value_ratio: float


@dataclass(frozen=True)
class Shed:
    """Interrupted production [kWh] and what its owner asks for it."""

    shed_kwh: float
    cost_cny_per_kwh: float


@dataclass(frozen=True)
class DayCosts:
    """Fen, each part rounded once. Costs are positive, `spot_fen` .. `stored_value_fen` as named.

    cost = contract energy + network + demand charge - spot - demand response + wear + shed - stored value.
    """

    contract_energy_fen: int
    network_fen: int
    demand_charge_fen: int
    spot_fen: int
    demand_response_fen: int
    wear_fen: int
    shed_fen: int
    stored_value_fen: int

    @property
    def own_bills_fen(self) -> int:
        return self.contract_energy_fen + self.network_fen + self.demand_charge_fen

    @property
    def cost_fen(self) -> int:
        gained = self.spot_fen + self.demand_response_fen + self.stored_value_fen
        return self.own_bills_fen + self.wear_fen + self.shed_fen - gained


def _fen(cny: float) -> int:
    # Twelve digits of a float are certain; the thirteenth must not decide a half fen.
    return fen_from_cny(Decimal(f"{cny:.12g}"))


def day_costs(
    *,
    day: date,
    grid: Grid,
    sites: Sequence[SiteDay],
    day_ahead: np.ndarray,
    real_time: np.ndarray,
    credited_wh: np.ndarray | None = None,
    demand_response_fen: int = 0,
    award_wh: np.ndarray | None = None,
    stores: Sequence[Stored] = (),
    sheds: Sequence[Shed] = (),
) -> DayCosts:
    """Cost of one way.

    `credited_wh` (n_periods,): the portfolio's injection that demand response paid; it leaves the
    deviation. `award_wh`: what was cleared for the portfolio; its rest against the nominations is the
    operator's, and part of the cost. Raises CostsUnknown where a reading, nomination or price is missing.
    """
    _complete("day-ahead price", day_ahead, grid)
    _complete("real-time price", real_time, grid)
    spot = 0.0
    contract_energy = network = demand_charge = 0.0
    for site in sites:
        for what, values in (("reading", site.metered_wh), ("nomination", site.nominated_wh), ("contract curve", site.terms.contract_wh)):
            _complete(f"{what} of site {site.terms.site}", values, grid)
        bought = np.maximum(0.0, -site.metered_wh.astype(float))
        contract_energy += float(-site.terms.contract_wh @ site.terms.contract_price)
        network += float(bought @ site.terms.import_adder)
        peak_kw = float(bought.max(initial=0.0)) / 1000 / grid.hours
        price_cny_per_kw = peak_price_cny_per_kw(site.terms.demand_price_cny_per_kw_month, day=day)
        demand_charge += price_cny_per_kw * max(0.0, peak_kw - site.terms.peak_so_far_kw)
        spot += float((site.nominated_wh - site.terms.contract_wh) @ day_ahead + (site.metered_wh - site.nominated_wh) @ real_time)
    if credited_wh is not None:
        spot -= float(credited_wh @ real_time)
    if award_wh is not None:
        rest = award_wh - sum((site.nominated_wh for site in sites), np.zeros(len(grid)))
        spot += float(rest @ (day_ahead - real_time))
    stored_kwh = sum(store.value_ratio * (store.end_kwh - store.start_kwh) for store in stores)
    return DayCosts(
        contract_energy_fen=_fen(contract_energy / WH_PER_MWH),
        network_fen=_fen(network / WH_PER_MWH),
        demand_charge_fen=_fen(demand_charge),
        spot_fen=_fen(spot / WH_PER_MWH),
        demand_response_fen=demand_response_fen,
        wear_fen=_fen(sum(store.wear_cny_per_kwh * store.discharged_kwh for store in stores)),
        shed_fen=_fen(sum(shed.cost_cny_per_kwh * shed.shed_kwh for shed in sheds)),
        stored_value_fen=_fen(stored_kwh * float(day_ahead.mean()) / 1000),
    )


def _complete(what: str, values: np.ndarray, grid: Grid) -> None:
    if np.shape(values) != (len(grid),):
        raise CostsUnknown(why=f"{what} has {np.size(values)} periods instead of {len(grid)}")
    gaps = int(np.isnan(np.asarray(values, dtype=float)).sum())
    if gaps:
        raise CostsUnknown(why=f"{what} is missing in {gaps} periods")


def captured_value_ratio(*, without_fen: int, with_fen: int, perfect_fen: int) -> float | None:
    """(without - with) / (without - perfect); None where perfect foresight gains nothing."""
    if without_fen == perfect_fen:
        return None
    return (without_fen - with_fen) / (without_fen - perfect_fen)

"""An instruction seen in its own direction and in whole units: the one form that every solver reads.

min sum cost x + (fairness / 2) sum x^2 / weight;  0 <= x <= room,  least <= sum of a site <= most,  sum x = amount
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.problem import SplitProblem

NEGLIGIBLE = 1e-8  # of the largest cost
SLACK_UNITS = 1e-6  # so that 0.3 kW is three units of 0.1 kW


@dataclass(frozen=True)
class Ask:
    """Columns of assets (N,) and of the P sites that have assets; amounts in whole units of `unit_kw` (floats without fraction).

    starts (P,): first row of each site; sizes (P,) its number of assets; present (P,) its index in the problem.
    cost (N,): what solvers compare; CNY/kWh only if `priced`, else a rule's own measure.
    """

    unit_kw: float
    direction: float
    amount: float
    shortfall_kw: float
    room: np.ndarray
    cost: np.ndarray
    weight: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    present: np.ndarray
    most: np.ndarray
    least: np.ndarray
    fairness: float
    priced: bool

    @property
    def shares(self) -> bool:
        """Whether there is a fairness weight, and one that prices have digits for; without it the merit order is the answer."""
        return bool(self.fairness > NEGLIGIBLE * max(abs(float(self.cost.min())), abs(float(self.cost.max()))))

    def per_site(self, amounts: np.ndarray) -> np.ndarray:
        """(P,) sums of a column of assets."""
        return np.add.reduceat(amounts, self.starts) if len(amounts) else np.zeros(0)

    @property
    def site_room(self) -> np.ndarray:
        """(P,) what the assets of each site could give without its cap."""
        return self.per_site(self.room)

    def per_asset(self, of_site: np.ndarray) -> np.ndarray:
        """(N,) a column of sites repeated for their assets."""
        return np.repeat(of_site, self.sizes)


@dataclass(frozen=True)
class Filled:
    """amount (N,) >= 0 in units, not yet whole; price: of the last unit anywhere; site_price (P,): at the site (other where it is held).

    Prices are in the units of the ask's cost.
    """

    amount: np.ndarray
    price: float
    site_price: np.ndarray


def ask_of(
    problem: SplitProblem,
    *,
    fairness: float,
    cost: np.ndarray | None = None,
    weight_is_room: bool = False,
    with_floor: bool = False,
    priced: bool = True,
) -> Ask:
    """Rooms and caps rounded down to whole units, the amount to what all together can give; the rest is the shortfall."""
    up, unit = problem.direction > 0, problem.unit_kw
    room = whole(problem.up_room_kw if up else problem.down_room_kw, unit)
    starts = _starts(problem.site)
    present = problem.site[starts]
    cap = whole((problem.site_up_kw if up else problem.site_down_kw)[present], unit)
    most = np.minimum(np.add.reduceat(room, starts), cap) if len(room) else np.zeros(0)
    wanted, pool = abs(problem.change_kw), float(most.sum())
    amount = min(float(np.floor(wanted / unit + SLACK_UNITS)), pool)
    short = wanted - pool * unit
    least = np.zeros(len(present))
    if with_floor and problem.floor_ratio is not None:
        share = problem.floor_ratio / max(1.0, float(problem.floor_ratio.sum()))
        least = np.minimum(np.floor(share[present] * amount), most)
    weight = np.maximum(room, 1.0) if weight_is_room or problem.weight_kw is None else problem.weight_kw / unit
    return Ask(
        unit_kw=unit,
        direction=problem.direction,
        amount=amount,
        shortfall_kw=short if short > SLACK_UNITS * unit else 0.0,
        room=room,
        cost=problem.cost_cny_per_kwh if cost is None else cost,
        weight=weight,
        starts=starts,
        sizes=np.diff(starts, append=len(room)),
        present=present,
        most=most,
        least=least,
        fairness=fairness,
        priced=priced,
    )


def _starts(site: np.ndarray) -> np.ndarray:
    """First row of each run of equal values."""
    return np.concatenate(([0], np.flatnonzero(site[1:] != site[:-1]) + 1)) if len(site) else np.zeros(0, dtype=np.int64)


def whole(amount_kw: np.ndarray, unit_kw: float) -> np.ndarray:
    """Whole units in an amount [kW], towards zero: never more than there is."""
    units = amount_kw / unit_kw
    units += SLACK_UNITS
    return np.floor(units, out=units)

"""What bid curves are computed from: price scenarios, summed flexibility and what is sold already. Plain arrays only.

n periods of `hours`, S scenarios of equal probability, K price points. Powers [kW], energies [kWh], prices [CNY/kWh];
injection into the grid is positive; unsigned names are >= 0 and carry a direction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from aggregator.kernel.errors import Anticipated
from market.bids.domain.risk.reserve import ReserveTerms

LEAST_PRICE_STEP_CNY_PER_KWH = 1e-6  # between two price points; a tenth of the markets' own price step


class CurveRefused(Anticipated):
    code = "bid.curve_refused"
    text = "The bid curves cannot be computed: %(why)s."
    status = 422


@dataclass(frozen=True)
class VirtualStore:
    """Sum of stores: s[t] = keep s[t-1] + drift[t] + h eta_in charge[t] - h discharge[t] / eta_out. Arrays (n,).

    `drift_kwh` (signed) is what comes and goes by itself: leakage, cars that arrive full and leave charged. reserve_up,
    _down_kw: what its members, each by itself, could keep free for a call.
    """

    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    drift_kwh: np.ndarray
    initial_kwh: float
    end_kwh: float
    eta_in: float
    eta_out: float
    wear_cny_per_kwh: float
    end_value_cny_per_kwh: float = 0.0
    keep_ratio: float = 1.0
    reserve_up_kw: float = 0.0
    reserve_down_kw: float = 0.0


@dataclass(frozen=True)
class VirtualFill:
    """Sum of needs, grid side: charged so far lies in [least_kwh, most_kwh] (n,) at every period's end, power under charge_kw (n,)."""

    charge_kw: np.ndarray
    least_kwh: np.ndarray
    most_kwh: np.ndarray


@dataclass(frozen=True)
class VirtualLoad:
    """Sum of loads: up to shed_kw (n,), most_kwh in all; of each kWh shed `payback_ratio` is consumed one period later."""

    shed_kw: np.ndarray
    most_kwh: float
    cost_cny_per_kwh: float
    payback_ratio: float = 0.0


@dataclass(frozen=True)
class VirtualPark:
    """Sums over one enterprise or a cluster of them. Arrays (n,); fixed_injection_kw (signed) and generation_kw also (S, n).

    Sum of exports <= export_share_ratio x sum of generation used + export_credit_kwh (inf = no such rule), and none where all
    generation would not allow any. The credit, signed and also (S,), is what generation that cannot be curtailed and the time
    before add. The demand price is paid on the largest import above peak_so_far_kw.
    """

    import_limit_kw: float
    export_limit_kw: float
    buy_cny_per_kwh: np.ndarray
    sell_cny_per_kwh: np.ndarray
    fixed_injection_kw: np.ndarray
    generation_kw: np.ndarray
    stores: tuple[VirtualStore, ...] = ()
    fills: tuple[VirtualFill, ...] = ()
    loads: tuple[VirtualLoad, ...] = ()
    export_share_ratio: float = np.inf
    export_credit_kwh: float | np.ndarray = 0.0
    demand_price_cny_per_kw: float = 0.0
    peak_so_far_kw: float = 0.0


@dataclass(frozen=True)
class CurveProblem:
    """Raises CurveRefused where shapes do not fit, a number is missing or no quantity may be offered at all.

    prices_cny_per_kwh        : (S, n) what the market pays per kWh of the quantity, scenario by scenario.
    points_cny_per_kwh        : (n, K) rising; between two points the curve is a straight line, beyond them flat.
    baseline_injection_kw     : (n,) the quantity is counted from here: delivered = baseline + accepted + over - under.
    over, under               : (S, n) or (n,) cost per kWh delivered too much, too little; negative where it earns.
    certified_least, _most_kw : (n,) signed bounds of the quantity.
    reserved_up, _down_kw     : (n,) capability that other products have sold; it narrows the certified bounds.
    locked_kw                 : (n,) quantity of periods whose gate has closed, NaN where it is open.
    fixed_cost_cny            : (S,) what a scenario costs whatever is offered.
    stepped                   : the market accepts whole steps that turn half-way between two points, no straight lines.
    reserve                   : what a reserve market pays and asks; None = nothing of it is offered.
    """

    hours: float
    prices_cny_per_kwh: np.ndarray
    points_cny_per_kwh: np.ndarray
    parks: tuple[VirtualPark, ...]
    baseline_injection_kw: np.ndarray
    over_cny_per_kwh: np.ndarray
    under_cny_per_kwh: np.ndarray
    certified_least_kw: np.ndarray
    certified_most_kw: np.ndarray
    reserved_up_kw: np.ndarray
    reserved_down_kw: np.ndarray
    locked_kw: np.ndarray
    fixed_cost_cny: np.ndarray
    stepped: bool = False
    reserve: ReserveTerms | None = None

    def __post_init__(self) -> None:
        if self.prices_cny_per_kwh.ndim != 2 or not self.prices_cny_per_kwh.size:
            raise CurveRefused(why="there is no price scenario")
        if self.points_cny_per_kwh.ndim != 2 or len(self.points_cny_per_kwh) != self.periods or not self.n_points:
            raise CurveRefused(why="the price points do not fit the periods")
        if (np.diff(self.points_cny_per_kwh, axis=1) <= 0).any():
            raise CurveRefused(why="the price points do not rise")
        self._refuse_misfits(self, name="problem")
        if (self.over_cny_per_kwh + self.under_cny_per_kwh < 0).any():
            raise CurveRefused(why="delivering too much and too little at once would pay")
        for park in self.parks:
            if (park.sell_cny_per_kwh > park.buy_cny_per_kwh).any():
                raise CurveRefused(why="a park sells dearer than it buys: importing and exporting at once would pay")
        if self.reserve is not None and len(self.reserve.block) != self.periods:
            raise CurveRefused(why="the reserve's blocks do not fit the periods")
        least, most = self.quantity_bounds_kw
        if (least > most)[~self.locked].any():
            raise CurveRefused(why="other products have sold more than is certified")

    def _refuse_misfits(self, part: Any, *, name: str) -> None:
        """Every array of the problem and its parts: finite (but for what may be open) and of a shape that fits (S, n)."""
        s, n = self.prices_cny_per_kwh.shape
        shapes = {(n,), (s, n), (n, self.n_points), ()}
        for column in fields(part):
            value, place = getattr(part, column.name), f"{name}.{column.name}"
            if isinstance(value, tuple):
                for item in value:
                    self._refuse_misfits(item, name=place)
                continue
            if value is None or isinstance(value, ReserveTerms):  # its blocks are no periods; it looks after itself
                continue
            array = np.asarray(value, dtype=float)
            if array.shape not in {"fixed_cost_cny": {(s,)}, "export_credit_kwh": {(), (s,)}}.get(column.name, shapes):
                raise CurveRefused(why=f"{place} has shape {array.shape}")
            open_ended = column.name in ("locked_kw", "export_share_ratio")
            if not open_ended and not np.isfinite(array).all():
                raise CurveRefused(why=f"{place} is missing somewhere")

    @property
    def periods(self) -> int:
        return int(self.prices_cny_per_kwh.shape[1])

    @property
    def scenarios(self) -> int:
        return len(self.prices_cny_per_kwh)

    @property
    def n_points(self) -> int:
        return int(self.points_cny_per_kwh.shape[1])

    @property
    def locked(self) -> np.ndarray:
        """(n,) bool: the gate of these periods has closed."""
        return ~np.isnan(self.locked_kw)

    @property
    def quantity_bounds_kw(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) least and most that an open period may offer."""
        return self.certified_least_kw + self.reserved_down_kw, self.certified_most_kw - self.reserved_up_kw

    @property
    def reserve_stores(self) -> list[tuple[int, int]]:
        """(park, store) of all that may hold reserve."""
        stores = [(p, k, store) for p, park in enumerate(self.parks) for k, store in enumerate(park.stores)]
        return [(p, k) for p, k, store in stores if store.reserve_up_kw > 0 or store.reserve_down_kw > 0]

    def per_scenario(self, values: np.ndarray) -> np.ndarray:
        """(S, n) view of a column that may have one row for all scenarios."""
        return np.broadcast_to(values, self.prices_cny_per_kwh.shape)


def price_points(prices_cny_per_kwh: np.ndarray, k: int) -> np.ndarray:
    """(n, k) quantiles of each period's scenario prices (S, n), from the lowest to the highest, strictly rising."""
    points = np.quantile(prices_cny_per_kwh, np.linspace(0, 1, k), axis=0).T
    steps = np.arange(k) * LEAST_PRICE_STEP_CNY_PER_KWH
    return np.maximum.accumulate(points - steps, axis=1) + steps


def acceptance(problem: CurveProblem) -> tuple[np.ndarray, np.ndarray]:
    """(S, n) point below each scenario's price, and the share (0 .. 1) of the next point: accepted = (1 - share) Q_k + share Q_k+1."""
    prices, points = problem.prices_cny_per_kwh, problem.points_cny_per_kwh
    if problem.n_points == 1:
        return np.zeros(prices.shape, dtype=np.int64), np.zeros(prices.shape)
    below = (points[None, :, :-1] <= prices[:, :, None]).sum(axis=2) - 1
    below = np.clip(below, 0, problem.n_points - 2)
    period = np.arange(problem.periods)
    left, right = points[period, below], points[period, below + 1]
    share = np.clip((prices - left) / (right - left), 0.0, 1.0)
    return below, (share >= 0.5).astype(float) if problem.stepped else share


def accepted_kw(problem: CurveProblem, quantity_kw: np.ndarray) -> np.ndarray:
    """(S, n) quantity that each scenario's prices accept of curves (n, K)."""
    below, share = acceptance(problem)
    period = np.arange(problem.periods)
    above = np.minimum(below + 1, problem.n_points - 1)
    return (1 - share) * quantity_kw[period, below] + share * quantity_kw[period, above]


def in_units(part: Any, unit_kw: float) -> Any:
    """The same problem with powers, energies and money counted in `unit_kw`: solvers like numbers near one."""
    changed: dict[str, Any] = {}
    for column in fields(part):
        value = getattr(part, column.name)
        if isinstance(value, tuple):
            changed[column.name] = tuple(in_units(item, unit_kw) for item in value)
        elif is_dataclass(value):
            changed[column.name] = in_units(value, unit_kw)
        elif value is not None and "_per_" not in column.name and column.name.endswith(("_kw", "_kwh", "_cny")):
            changed[column.name] = value / unit_kw
    return replace(part, **changed)


def unit_of(parts: Sequence[np.ndarray]) -> float:
    """A natural unit [kW]: the largest of the powers given, 1 where all are zero."""
    return max((float(np.abs(part).max(initial=0.0)) for part in parts), default=0.0) or 1.0

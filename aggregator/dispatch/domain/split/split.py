"""One instruction split over all assets: PuLP by default, the exact fast path when time is short or PuLP fails."""

import time
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.split.ask import Ask, Filled
from aggregator.dispatch.domain.split.check import check_split
from aggregator.dispatch.domain.split.curves import columns_of, fill_by_curves
from aggregator.dispatch.domain.split.fairness import Rule, jain_index
from aggregator.dispatch.domain.split.merit import merit_order
from aggregator.dispatch.domain.split.problem import SplitProblem, SplitRefused
from aggregator.dispatch.domain.split.rounding import whole_units
from aggregator.dispatch.domain.split.water import water_fill

METHODS = ("auto", "pulp", "fast")
STATUSES = ("optimal", "fast", "fallback")
PULP_S = 0.05  # what building and solving takes at least
PULP_S_PER_COLUMN = 5e-5  # measured 2e-5; a deadline is kept on a machine that is twice as slow


@dataclass(frozen=True)
class Split:
    """change_kw (N,) signed, whole units, as it is sent; change of the instruction = sum + direction x shortfall_kw.

    (What is below one unit of an instruction is left out; nothing is ever overshot.)
    method: curves | water | merit. status: optimal (PuLP, proven), fast (exact, without PuLP) or fallback (PuLP failed, exact).
    price_cny_per_kwh: of the last kWh; site_price_cny_per_kwh (E,): at each site, other where its own limit or floor holds it;
    NaN under rules that do not go by cost. cost_cny_per_hour of all that is moved; fast_cost_cny_per_hour: of the fast path as
    a cross-check. jain_site, jain_asset: evenness of the fractions given, 1 = all the same.
    """

    change_kw: np.ndarray
    shortfall_kw: float
    method: str
    status: str
    price_cny_per_kwh: float
    site_price_cny_per_kwh: np.ndarray
    cost_cny_per_hour: float
    fast_cost_cny_per_hour: float
    jain_site: float
    jain_asset: float

    @property
    def overshoot_kw(self) -> float:
        """Nothing is ever overshot."""
        return 0.0

    @property
    def cross_check_ratio(self) -> float | None:
        """(cost - cost of the fast path) / |cost of the fast path|; None where the fast path costs nothing."""
        fast = self.fast_cost_cny_per_hour
        return (self.cost_cny_per_hour - fast) / abs(fast) if fast else None


def split_instruction(problem: SplitProblem, *, rule: Rule | None = None, deadline_s: float, method: str = "auto") -> Split:
    """Split under `rule` (by cost where none is named) within about deadline_s [s].

    method: "auto" (PuLP where the deadline leaves time for it), "pulp" (the same, whatever the size) or "fast". The fast path
    is computed first in any case: it is the answer when PuLP does not deliver or its answer does not pass the check.
    Raises SplitRefused where the rule lacks what it needs.
    """
    begun = time.monotonic()
    if method not in METHODS:
        raise SplitRefused(why=f"there is no method {method}")
    ask = (rule or Rule()).ask(problem)
    if not ask.amount:
        return _nobody(problem, ask)
    name, filled = ("water", water_fill(ask)) if ask.shares else ("merit", merit_order(ask))
    units = whole_units(ask, filled.amount)
    fast_cost = _cost(problem, units)
    left = deadline_s - (time.monotonic() - begun)
    if method == "fast" or (method == "auto" and left < PULP_S + PULP_S_PER_COLUMN * columns_of(ask)):
        return _split(problem, ask, filled, units, name, "fast", fast_cost)
    by_curves = fill_by_curves(ask, near=filled.price, seconds=left)
    if by_curves is not None:
        curve_units = whole_units(ask, by_curves.amount)
        answer = _split(problem, ask, by_curves, curve_units, "curves", "optimal", fast_cost)
        if not check_split(problem, answer.change_kw, answer.shortfall_kw):
            return answer
    return _split(problem, ask, filled, units, name, "fallback", fast_cost)


def _split(problem: SplitProblem, ask: Ask, filled: Filled, units: np.ndarray, method: str, status: str, fast_cost: float) -> Split:
    price, site_price = float("nan"), np.full(len(problem.site_up_kw), np.nan)
    if ask.priced:
        price = filled.price
        site_price[:] = price
        site_price[ask.present] = filled.site_price
    return Split(
        change_kw=units * (ask.direction * ask.unit_kw) + 0.0,
        shortfall_kw=ask.shortfall_kw,
        method=method,
        status=status,
        price_cny_per_kwh=price,
        site_price_cny_per_kwh=site_price,
        cost_cny_per_hour=_cost(problem, units),
        fast_cost_cny_per_hour=fast_cost,
        jain_site=jain_index(ask.per_site(units), ask.most),
        jain_asset=jain_index(units, ask.room),
    )


def _nobody(problem: SplitProblem, ask: Ask) -> Split:
    """Nothing is asked, or nobody can give."""
    nothing = np.zeros(len(problem.site))
    no_price = np.full(len(ask.starts), np.nan)
    return _split(problem, ask, Filled(nothing, float("nan"), no_price), nothing, "merit", "fast", 0.0)


def _cost(problem: SplitProblem, units: np.ndarray) -> float:
    return float((problem.cost_cny_per_kwh * units).sum()) * problem.unit_kw  # no BLAS: its threads cost more than they save

"""Sums of assets at the places of a fleet, one record a class. S sites, L locations, n periods; w = 1 where nothing changes, else n.

Every field is a plain sum, so that sums can be added up again; what is an average (efficiency, wear) is kept times its
weight and divided on reading.
"""

from dataclasses import dataclass

import numpy as np


def _mean(weighted: np.ndarray, weight: np.ndarray, empty: float) -> np.ndarray:
    return np.divide(weighted, weight, out=np.full_like(weighted, empty), where=weight > 0)


@dataclass(frozen=True)
class StoreSums:
    """Stores of one class. `leaky`: they lose or gain energy at rest, and the mean of that need not suit all of them.

    (S, L): charge_kw, discharge_kw, initial_kwh, end_kwh, size_kwh, and weighted: eta_in x charge_kw, discharge_kw / eta_out,
    wear x discharge_kw, end value and kept ratio x size. (S, L, w): powers as the store sees them (after losses), energy
    bounds, drift. Outside its window a store has no power and stays at its first or last energy.
    """

    leaky: bool
    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    stored_kw: np.ndarray
    drawn_kw: np.ndarray
    wear_cny_per_h: np.ndarray
    initial_kwh: np.ndarray
    end_kwh: np.ndarray
    size_kwh: np.ndarray
    value_cny: np.ndarray
    kept_kwh: np.ndarray
    stored_course_kw: np.ndarray
    drawn_course_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    drift_kwh: np.ndarray

    @property
    def eta_in(self) -> np.ndarray:
        return _mean(self.stored_kw, self.charge_kw, 1.0)

    @property
    def eta_out(self) -> np.ndarray:
        return _mean(self.discharge_kw, self.drawn_kw, 1.0)

    @property
    def wear_cny_per_kwh(self) -> np.ndarray:
        return _mean(self.wear_cny_per_h, self.discharge_kw, 0.0)

    @property
    def end_value_cny_per_kwh(self) -> np.ndarray:
        return _mean(self.value_cny, self.size_kwh, 0.0)

    @property
    def keep_ratio(self) -> np.ndarray:
        return _mean(self.kept_kwh, self.size_kwh, 1.0)


@dataclass(frozen=True)
class FillSums:
    """(S, L, n): power [kW] and bounds of the energy taken so far [kW-periods, before losses]."""

    cap_kw: np.ndarray
    least_kw_periods: np.ndarray
    most_kw_periods: np.ndarray


@dataclass(frozen=True)
class CallSums:
    """Loads of one class, net of what they take back later: (S, L, n) kW; (S, L) kW-periods and cost [CNY per hour of all]."""

    net_kw: np.ndarray
    budget_kw_periods: np.ndarray
    rated_kw: np.ndarray
    cost_cny_per_h: np.ndarray

    @property
    def cost_cny_per_kwh(self) -> np.ndarray:
        return _mean(self.cost_cny_per_h, self.rated_kw, 0.0)

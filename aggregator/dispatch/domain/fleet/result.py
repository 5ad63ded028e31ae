"""A plan of a fleet, with the certificate that says how good it is."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.prices import Prices

STATUSES = ("optimal", "at_gap", "timeout", "fallback")


@dataclass(frozen=True)
class Moves:
    """What every asset does: injection [kW], arrays (N, n), rows as in the problem's columns.

    store: signed. fill: <= 0. call: what the load injects beyond its natural course: + shed, - rebound; call_on (N, n) bool.
    """

    store_kw: np.ndarray
    fill_kw: np.ndarray
    call_kw: np.ndarray
    call_on: np.ndarray


@dataclass(frozen=True)
class Flows:
    """What follows at the sites, arrays (E, n) >= 0 [kW]: generation used, import, export. Export - import = injection."""

    generation_kw: np.ndarray
    import_kw: np.ndarray
    export_kw: np.ndarray

    @property
    def portfolio_kw(self) -> np.ndarray:
        """(n,) injection of all sites, signed."""
        return (self.export_kw - self.import_kw).sum(axis=0)


@dataclass(frozen=True)
class Certificate:
    """No plan of this problem costs less than `lower_bound_cny`.

    gap_ratio = (cost - bound) / |cost|; flexibility_gap_ratio = (cost - bound) / (cost of the safe plan - bound), for a cost
    near zero makes the first meaningless; None where the denominator is zero.
    """

    cost_cny: float
    lower_bound_cny: float
    safe_cost_cny: float

    @property
    def gap_ratio(self) -> float | None:
        return (self.cost_cny - self.lower_bound_cny) / abs(self.cost_cny) if self.cost_cny else None

    @property
    def flexibility_gap_ratio(self) -> float | None:
        value = self.safe_cost_cny - self.lower_bound_cny
        return (self.cost_cny - self.lower_bound_cny) / value if value > 0 else None


@dataclass(frozen=True)
class FleetPlan:
    """mode: fleet | reference. status: optimal (proven), at_gap (of the certificate's bound), timeout, fallback (the safe plan).

    `seconds` of wall time per stage, for people who want to know where they went. `prices`: of the shared limits, None where
    no solver gave any. `notes`: what went wrong on the way and was made up for, in plain words.
    """

    moves: Moves
    flows: Flows
    certificate: Certificate
    mode: str
    status: str
    seconds: dict[str, float]
    prices: Prices | None = None
    notes: tuple[str, ...] = ()

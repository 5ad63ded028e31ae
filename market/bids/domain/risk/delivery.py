"""What the parks do in each scenario: what it costs and whether it is possible, computed without the programme that found it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from market.bids.domain.risk.problem import CurveProblem, VirtualFill, VirtualPark, VirtualStore

RELIEF_CNY_PER_KWH = 20.0  # beyond any price: what it costs when a scenario's own load does not fit the connection


@dataclass(frozen=True)
class ParkFlows:
    """One park in all scenarios [kW, >= 0]. Arrays (S, units, n), one unit where a park has one of its kind.

    lacking, spilled: what a scenario needs beyond the connection, to consume and to inject; zero where the scenario is sound.
    """

    imported: np.ndarray
    exported: np.ndarray
    used: np.ndarray
    charge: np.ndarray
    discharge: np.ndarray
    fill: np.ndarray
    shed: np.ndarray
    lacking: np.ndarray
    spilled: np.ndarray

    @property
    def injection_kw(self) -> np.ndarray:
        """(S, n) at the connection, signed."""
        return (self.exported - self.imported).sum(axis=1)

    @property
    def relief_kw(self) -> np.ndarray:
        """(S, n)"""
        return (self.lacking + self.spilled).sum(axis=1)


def delivered_kw(flows: tuple[ParkFlows, ...]) -> np.ndarray:
    """(S, n) injection of the portfolio."""
    return np.sum([park.injection_kw for park in flows], axis=0)


def scenario_costs(problem: CurveProblem, flows: tuple[ParkFlows, ...], accepted_kw: np.ndarray) -> np.ndarray:
    """(S,) cost [CNY] of delivering `flows` where `accepted_kw` (S, n) was sold: equation (4)."""
    h = problem.hours
    deviation = delivered_kw(flows) - problem.baseline_injection_kw - accepted_kw
    settled = -problem.prices_cny_per_kwh * accepted_kw
    settled += problem.over_cny_per_kwh * np.maximum(deviation, 0) + problem.under_cny_per_kwh * np.maximum(-deviation, 0)
    cost = problem.fixed_cost_cny + h * settled.sum(axis=1)
    for park, flow in zip(problem.parks, flows, strict=True):
        imported, exported = flow.imported.sum(axis=1), flow.exported.sum(axis=1)
        cost += h * (imported @ park.buy_cny_per_kwh - exported @ park.sell_cny_per_kwh + RELIEF_CNY_PER_KWH * flow.relief_kw.sum(axis=1))
        cost += park.demand_price_cny_per_kw * np.maximum(imported.max(axis=1) - park.peak_so_far_kw, 0)
        for k, store in enumerate(park.stores):
            ends_with = stored_kwh(store, flow.charge[:, k], flow.discharge[:, k], h)[:, -1]
            cost += h * store.wear_cny_per_kwh * flow.discharge[:, k].sum(axis=1) - store.end_value_cny_per_kwh * ends_with
        for k, load in enumerate(park.loads):
            cost += h * load.cost_cny_per_kwh * flow.shed[:, k].sum(axis=1)
    return cost


def worst_violation(problem: CurveProblem, flows: tuple[ParkFlows, ...]) -> float:
    """The largest amount by which any limit or balance is broken [kW or kWh]; NaN where a flow is."""
    pairs = zip(problem.parks, flows, strict=True)
    return float(np.max([np.max(broken) for park, flow in pairs for broken in _broken(problem, park, flow)], initial=0.0))


def _broken(problem: CurveProblem, park: VirtualPark, flow: ParkFlows) -> Iterator[np.ndarray]:
    """How far each rule is broken; up to zero where it holds."""
    h = problem.hours
    fixed, available = problem.per_scenario(park.fixed_injection_kw), problem.per_scenario(park.generation_kw)
    used = flow.used.sum(axis=1)
    yield used - available
    yield flow.imported - park.import_limit_kw
    yield flow.exported - park.export_limit_kw
    for column in fields(flow):
        values = getattr(flow, column.name)
        yield -values if values.size else np.zeros(1)
    if np.isfinite(park.export_share_ratio):
        made, could = (h * park.export_share_ratio * kw.sum(axis=1) + park.export_credit_kwh for kw in (used, available))
        yield h * flow.exported.sum(axis=(1, 2)) - np.where(could > 0, made, 0.0)
    moved = (
        flow.discharge.sum(axis=1) - flow.charge.sum(axis=1) - flow.fill.sum(axis=1) + flow.lacking.sum(axis=1) - flow.spilled.sum(axis=1)
    )
    for k, load in enumerate(park.loads):
        shed = flow.shed[:, k]
        yield shed - load.shed_kw
        yield h * shed.sum(axis=1) - load.most_kwh
        moved = moved + shed
        moved[:, 1:] -= load.payback_ratio * shed[:, :-1]
    yield np.abs(fixed + used + moved - flow.injection_kw)
    for k, store in enumerate(park.stores):
        yield from _broken_store(store, flow.charge[:, k], flow.discharge[:, k], h)
    for k, fill in enumerate(park.fills):
        yield from _broken_fill(fill, flow.fill[:, k], h)


def _broken_store(store: VirtualStore, charge_kw: np.ndarray, discharge_kw: np.ndarray, h: float) -> Iterator[np.ndarray]:
    stored = stored_kwh(store, charge_kw, discharge_kw, h)
    yield charge_kw - store.charge_kw
    yield discharge_kw - store.discharge_kw
    yield stored - store.max_kwh
    yield store.min_kwh - stored
    yield store.end_kwh - stored[:, -1]


def _broken_fill(fill: VirtualFill, charge_kw: np.ndarray, h: float) -> Iterator[np.ndarray]:
    so_far = h * np.cumsum(charge_kw, axis=1)
    yield charge_kw - fill.charge_kw
    yield so_far - fill.most_kwh
    yield fill.least_kwh - so_far


def stored_kwh(store: VirtualStore, charge_kw: np.ndarray, discharge_kw: np.ndarray, h: float) -> np.ndarray:
    """(S, n) energy at every period's end."""
    change = h * (store.eta_in * charge_kw - discharge_kw / store.eta_out) + store.drift_kwh
    stored = np.empty_like(change)
    held = np.full(len(change), store.initial_kwh)
    for t in range(change.shape[1]):
        held = stored[:, t] = store.keep_ratio * held + change[:, t]
    return stored

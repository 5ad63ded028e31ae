"""Is the reserve there in every scenario? From the flows alone, without the programme that found them."""

from collections.abc import Iterator

import numpy as np

from market.bids.domain.risk.delivery import ParkFlows, stored_kwh
from market.bids.domain.risk.problem import CurveProblem
from market.bids.domain.risk.reserve import HeldReserve


def worst_reserve_violation(problem: CurveProblem, flows: tuple[ParkFlows, ...], held: HeldReserve | None) -> float:
    """The largest lack of power, energy, room or connection when all of the reserve is called, in any period of any scenario."""
    if problem.reserve is None or held is None:
        return 0.0
    return float(np.max([np.max(lack) for lack in _lacks(problem, flows, held)], initial=0.0))


def _lacks(problem: CurveProblem, flows: tuple[ParkFlows, ...], held: HeldReserve) -> Iterator[np.ndarray]:
    terms = problem.reserve
    assert terms is not None
    for p, park in enumerate(problem.parks):
        mine = [(r, k) for r, (of, k) in enumerate(problem.reserve_stores) if of == p]
        called = np.zeros((2, problem.periods))
        for r, k in mine:
            store, charge, discharge = park.stores[k], flows[p].charge[:, k], flows[p].discharge[:, k]
            up, down = held.up_kw[r][terms.block], held.down_kw[r][terms.block]
            called += np.array([up, down])
            yield held.up_kw[r] - store.reserve_up_kw
            yield held.down_kw[r] - store.reserve_down_kw
            yield discharge + up - store.discharge_kw
            yield charge + down - store.charge_kw
            at_end = stored_kwh(store, charge, discharge, problem.hours)
            at_start = np.column_stack([np.full(len(at_end), store.initial_kwh), at_end[:, :-1]])
            low, high = np.append(store.min_kwh[0], store.min_kwh[:-1]), np.append(store.max_kwh[0], store.max_kwh[:-1])
            needs, fills = terms.lasting_hours * up / store.eta_out, terms.lasting_hours * down * store.eta_in
            yield needs - (at_end - store.min_kwh)
            yield fills - (store.max_kwh - at_end)
            yield np.where(needs > 0, needs - (at_start - low), 0.0)
            yield np.where(fills > 0, fills - (high - at_start), 0.0)
        if mine:
            yield np.where(called[0] > 0, flows[p].injection_kw + called[0] - park.export_limit_kw, 0.0)
            yield np.where(called[1] > 0, called[1] - flows[p].injection_kw - park.import_limit_kw, 0.0)

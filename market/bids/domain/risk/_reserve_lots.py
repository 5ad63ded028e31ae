"""From a solver's reserve to what may be offered: whole lots, each kilowatt of them in the hands of a store that can hold it."""

from dataclasses import dataclass

import numpy as np

from market.bids.domain.risk.problem import CurveProblem
from market.bids.domain.risk.reserve import HeldReserve, OfferedReserve, ReserveTerms

DUST = 1e-6  # of a quantity: what an interior point may lack of whole lots
EXACT = 1e-12  # of a quantity: binary fractions
NOTHING = 0.01  # of a lot: what it may leave where nothing is held


@dataclass(frozen=True)
class StoreCaps:
    """What each store that may hold reserve can keep free in each block, whatever else happens: (R, B) [kW].

    `span_kw`: what its energy lasts for, up / eta_out + down x eta_in together; `eta_in`, `eta_out` (R, 1).
    """

    up_kw: np.ndarray
    down_kw: np.ndarray
    span_kw: np.ndarray
    eta_in: np.ndarray
    eta_out: np.ndarray

    def up_beside(self, down_kw: np.ndarray) -> np.ndarray:
        return np.clip((self.span_kw - down_kw * self.eta_in) * self.eta_out, 0.0, self.up_kw)

    def down_beside(self, up_kw: np.ndarray) -> np.ndarray:
        return np.clip((self.span_kw - up_kw / self.eta_out) / self.eta_in, 0.0, self.down_kw)


def caps_of(problem: CurveProblem, terms: ReserveTerms) -> StoreCaps:
    """By what the members can hold, by power, and by energy; in the first block what is in it, or fits in, as the day begins."""
    stores = [problem.parks[p].stores[k] for p, k in problem.reserve_stores]
    shape, lasts = (len(stores), terms.blocks), terms.lasting_hours
    up, down, span = (np.full(shape, np.inf) for _ in range(3))
    for r, store in enumerate(stores):
        np.minimum.at(up[r], terms.block, np.minimum(store.discharge_kw, store.reserve_up_kw))
        np.minimum.at(down[r], terms.block, np.minimum(store.charge_kw, store.reserve_down_kw))
        for t, b in terms.held_with():
            span[r, b] = min(span[r, b], max(0.0, (store.max_kwh[t] - store.min_kwh[t]) / lasts))
        up[r, 0] = min(up[r, 0], max(0.0, (store.initial_kwh - store.min_kwh[0]) * store.eta_out / lasts))
        down[r, 0] = min(down[r, 0], max(0.0, (store.max_kwh[0] - store.initial_kwh) / (store.eta_in * lasts)))
    eta_in, eta_out = (np.array([getattr(store, name) for store in stores]).reshape(-1, 1) for name in ("eta_in", "eta_out"))
    return StoreCaps(np.where(terms.up_open, up, 0.0), np.where(terms.down_open, down, 0.0), span, eta_in, eta_out)


def offered_reserve(problem: CurveProblem, terms: ReserveTerms, held: HeldReserve, *, curve_lot_kw: float) -> OfferedReserve:
    """Down to whole lots, so that whoever holds it still can; nothing below the least quantity, nothing beyond a store's caps.

    A block that would leave the energy curve no whole lot between its bounds, where there was one, is not offered.
    """
    caps, (above_kw, below_kw) = caps_of(problem, terms), _ceilings_kw(problem, terms)
    up = _parts(held.up_kw, caps.up_beside(held.down_kw), above_kw, terms)
    down = _parts(held.down_kw, caps.down_beside(up), below_kw, terms)
    least, most = problem.quantity_bounds_kw
    highest = np.floor((most - up.sum(axis=0)[terms.block]) / curve_lot_kw + 1e-9)
    narrowed = ~problem.locked & (highest < np.ceil((least + down.sum(axis=0)[terms.block]) / curve_lot_kw - 1e-9))
    stuck = np.isin(np.arange(terms.blocks), terms.block[narrowed])
    up, down = np.where(stuck, 0.0, up), np.where(stuck, 0.0, down)
    up_kw, down_kw = _lots(up.sum(axis=0), terms), _lots(down.sum(axis=0), terms)
    income = float(terms.up_cny_per_kw @ up_kw + terms.down_cny_per_kw @ down_kw)
    return OfferedReserve(up_kw, down_kw, HeldReserve(up, down), income)


def too_small(terms: ReserveTerms, held: HeldReserve) -> tuple[np.ndarray, np.ndarray]:
    """(B,) each: blocks in which something is held, and less than may be offered."""
    up, down = (
        (kw > NOTHING * terms.lot_kw) & (_lots(kw * (1 + DUST), terms) == 0) for kw in (held.up_kw.sum(axis=0), held.down_kw.sum(axis=0))
    )
    return up, down


def _ceilings_kw(problem: CurveProblem, terms: ReserveTerms) -> tuple[np.ndarray, np.ndarray]:
    """(B,) up and down that no block passes: a certificate, and what a closed gate leaves of what is certified."""
    least, most = problem.quantity_bounds_kw
    above, below = np.full(terms.blocks, terms.up_most_kw), np.full(terms.blocks, terms.down_most_kw)
    closed = problem.locked
    np.minimum.at(above, terms.block[closed], np.maximum(most - problem.locked_kw, 0.0)[closed])
    np.minimum.at(below, terms.block[closed], np.maximum(problem.locked_kw - least, 0.0)[closed])
    return above, below


def _parts(held_kw: np.ndarray, caps_kw: np.ndarray, ceiling_kw: np.ndarray, terms: ReserveTerms) -> np.ndarray:
    """(R, B) what each holds of the whole lots: less than the solver's in proportion, or the dust that is lacking by who has room."""
    held_kw = np.minimum(held_kw, caps_kw)
    whole, room = held_kw.sum(axis=0), caps_kw.sum(axis=0)
    lots = _lots(np.minimum(np.minimum(whole * (1 + DUST), room), ceiling_kw), terms)
    less = np.divide(lots, whole, out=np.zeros_like(whole), where=whole > 0)
    more = np.divide(lots - whole, room - whole, out=np.zeros_like(whole), where=room > whole)
    return np.where(lots <= whole, held_kw * less, held_kw + (caps_kw - held_kw) * np.minimum(more, 1.0))


def _lots(kw: np.ndarray, terms: ReserveTerms) -> np.ndarray:
    whole = np.floor(kw / terms.lot_kw * (1 + EXACT)) * terms.lot_kw
    return np.where((whole > 0) & (whole >= terms.least_kw * (1 - EXACT)), whole, 0.0)

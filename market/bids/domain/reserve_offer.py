"""The reserve that is offered beside the spot: terms from the pack's figures, shared out over single storages, in whole lots."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal

import numpy as np

from aggregator.assets.domain import Reserve
from aggregator.assets.domain.storage import Held, StorageSpec, held_on
from aggregator.dispatch.domain import AssetFacts, ScheduleProblem, device_of
from aggregator.kernel.periods import Grid
from market.bids.domain.capability import UNCERTIFIED, Capability
from market.bids.domain.reserve_caps import ReserveMembers
from market.bids.domain.risk import OfferedReserve, ReserveTerms

KW_PER_MW = 1000
HOURS_OF_DAY = 24
EXACT = 1e-9  # of a quantity: what is shared out is in whole lots already, but for binary fractions


@dataclass(frozen=True)
class ReserveForm:
    """Figures of the pack. Prices (24,) by clock hour [CNY per MW and hour]; None = the direction is not offered."""

    up_cny_per_mw_h: tuple[Decimal, ...] | None
    down_cny_per_mw_h: tuple[Decimal, ...] | None
    block_hours: int
    lasting_hours: float
    quantity_step_kw: Decimal
    min_kw: Decimal
    with_demand_response: bool

    def prices(self, direction: int) -> tuple[Decimal, ...] | None:
        return self.up_cny_per_mw_h if direction > 0 else self.down_cny_per_mw_h


@dataclass(frozen=True)
class ReserveShares:
    """Kilowatts per block (B,) of each storage by key, up and down; `block` (n,) numbers the periods' blocks."""

    block: np.ndarray
    lasting_hours: float
    up_kw: Mapping[str, np.ndarray]
    down_kw: Mapping[str, np.ndarray]

    def of(self, direction: int) -> Mapping[str, np.ndarray]:
        return self.up_kw if direction > 0 else self.down_kw

    def total_kw(self, direction: int) -> np.ndarray:
        """(B,) [kW, >= 0]"""
        return sum(self.of(direction).values(), np.zeros(int(self.block[-1]) + 1))

    @property
    def nothing(self) -> bool:
        return not (self.up_kw or self.down_kw)


def reserve_terms(
    form: ReserveForm, grid: Grid, *, tz: tzinfo, in_window: np.ndarray, capability: Capability = UNCERTIFIED
) -> ReserveTerms:
    """Terms on the day's grid. Blocks that touch the demand-response window (n,) are closed unless the rules allow both; nothing
    is above what certificates allow, and a direction of which nothing is certified is closed."""
    block = (np.arange(len(grid)) * grid.hours / form.block_hours + 1e-9).astype(np.int64)
    count = int(block[-1]) + 1
    hour = [at.astimezone(tz).hour for at in grid.starts]
    windows = np.isin(np.arange(count), block[in_window]) & (not form.with_demand_response)
    pay: dict[int, np.ndarray] = {}
    open_: dict[int, np.ndarray] = {}
    for direction in (1, -1):
        known = form.prices(direction)
        price = np.zeros(len(grid)) if known is None else np.array([float(known[h]) for h in hour])
        pay[direction] = np.bincount(block, price * grid.hours / KW_PER_MW, minlength=count)
        open_[direction] = ~windows & (known is not None and not capability.missing(direction))
    return ReserveTerms(
        block=block,
        up_cny_per_kw=pay[1],
        down_cny_per_kw=pay[-1],
        up_open=open_[1],
        down_open=open_[-1],
        lasting_hours=form.lasting_hours,
        lot_kw=float(form.quantity_step_kw),
        least_kw=float(form.min_kw),
        up_most_kw=capability.up_kw,
        down_most_kw=capability.down_kw,
    )


def shared_out(offered: OfferedReserve, terms: ReserveTerms, *, members: ReserveMembers, assets: Mapping[str, AssetFacts]) -> ReserveShares:
    """Each virtual store's reserve over its members, by what each could hold; less where one's own energy does not reach, in lots."""
    up: dict[str, np.ndarray] = {}
    down: dict[str, np.ndarray] = {}
    for row, (names, caps_kw) in enumerate(zip(members.keys, members.of_keys_kw, strict=True)):
        for held, caps, into in zip((offered.held.up_kw[row], offered.held.down_kw[row]), caps_kw, (up, down), strict=True):
            whole = float(caps.sum())
            for name, cap in zip(names, caps.tolist(), strict=True):
                into[name] = held * (cap / whole if whole else 0.0)
    reach = np.ones(terms.blocks)
    for name in up:
        spec = assets[name].spec
        assert isinstance(spec, StorageSpec)
        need_kwh = terms.lasting_hours * (up[name] / spec.discharge_efficiency + down[name] * spec.charge_efficiency)
        span_kwh = spec.ceiling_kwh - spec.floor_kwh
        reach = np.minimum(reach, np.where(need_kwh > span_kwh, span_kwh / np.maximum(need_kwh, 1e-9), 1.0))
    return ReserveShares(terms.block, terms.lasting_hours, _in_lots(up, reach, terms), _in_lots(down, reach, terms))


def _in_lots(shares: Mapping[str, np.ndarray], reach: np.ndarray, terms: ReserveTerms) -> dict[str, np.ndarray]:
    whole = sum(shares.values(), np.zeros(terms.blocks))
    lots = np.floor(whole * reach / terms.lot_kw * (1 + EXACT)) * terms.lot_kw
    lots = np.where((lots > 0) & (lots >= terms.least_kw * (1 - EXACT)), lots, 0.0)
    part = np.divide(lots, whole, out=np.zeros_like(whole), where=whole > 0)
    return {name: kw * part for name, kw in shares.items() if (kw * part > 0).any()}


def reduced(offered: OfferedReserve, terms: ReserveTerms, shares: ReserveShares) -> OfferedReserve:
    """What is offered after sharing out: no more than single storages hold."""
    up, down = shares.total_kw(1), shares.total_kw(-1)
    part = [np.divide(kw, was, out=np.zeros_like(was), where=was > 0) for kw, was in ((up, offered.up_kw), (down, offered.down_kw))]
    income = float(terms.up_cny_per_kw @ up + terms.down_cny_per_kw @ down)
    return OfferedReserve(up, down, offered.held.scaled(*part), income)


def holding(
    problem: ScheduleProblem, assets: Mapping[str, AssetFacts], shares: ReserveShares
) -> tuple[ScheduleProblem, dict[str, AssetFacts]]:
    """The problem and its facts with the reserve kept free by those who hold it, as dispatch keeps it once it is sold."""
    facts, devices = dict(assets), dict(problem.devices)
    for key in sorted({*shares.up_kw, *shares.down_kw}):
        held = _held(problem.grid, shares, key)
        own = facts[key].held
        facts[key] = replace(facts[key], held=held if own is None else _both(own, held))
        devices[key] = (devices[key][0], device_of(facts[key]))
    return replace(problem, devices=devices), facts


def _held(grid: Grid, shares: ReserveShares, key: str) -> Held:
    none = np.zeros(int(shares.block[-1]) + 1)
    up, down = shares.up_kw.get(key, none), shares.down_kw.get(key, none)
    windows = []
    for b in range(len(none)):
        inside = np.flatnonzero(shares.block == b)
        if up[b] > 0 or down[b] > 0:
            windows.append((slice(int(inside[0]), int(inside[-1]) + 1), Reserve(float(up[b]), float(down[b]), shares.lasting_hours)))
    return held_on(grid, windows)


def _both(one: Held, other: Held) -> Held:
    return Held(one.up_kw + other.up_kw, one.down_kw + other.down_kw, one.up_kwh + other.up_kwh, one.down_kwh + other.down_kwh)

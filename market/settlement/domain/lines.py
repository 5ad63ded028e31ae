"""From exact yuan to fen: each component is rounded once for the market, then apportioned and split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from aggregator.kernel.money import apportion, fen_from_cny
from market.settlement.domain._amounts import PeriodAmount
from market.settlement.domain.shares import OPERATOR, share_fen

# Which of a contract's operator ratios applies. The consumer of green power pays the whole premium: the
# operator's part comes out of what the producer receives, once.
RATIO_OF = {
    "spot.day_ahead": "spot",
    "spot.deviation": "spot",
    "demand_response.energy": "demand_response",
    "demand_response.penalty": "demand_response",
    "green.premium": "green",
    "green.purchase": None,
}


@dataclass(frozen=True)
class Entry:
    """The exact periods of one (contract, component); contract OPERATOR = the operator's own account."""

    contract: str
    component: str
    periods: tuple[PeriodAmount, ...]

    @property
    def wh(self) -> int:
        return sum(period.wh for period in self.periods)

    @property
    def amount_cny(self) -> Decimal:
        return sum((period.amount_cny for period in self.periods), Decimal(0))


@dataclass(frozen=True)
class Line:
    contract: str
    component: str
    periods: tuple[PeriodAmount, ...]
    wh: int
    amount_cny: Decimal
    gross_fen: int
    enterprise_fen: int
    operator_fen: int


@dataclass(frozen=True)
class Totals:
    """market_fen = enterprises_fen + operator_fen, for any entries."""

    lines: tuple[Line, ...]
    market_fen: int
    enterprises_fen: int
    operator_fen: int


def merge(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """One entry per (contract, component), its periods in order."""
    pooled: dict[tuple[str, str], list[PeriodAmount]] = {}
    for entry in entries:
        pooled.setdefault((entry.contract, entry.component), []).extend(entry.periods)
    return tuple(
        Entry(contract, component, tuple(sorted(periods, key=lambda period: period.index)))
        for (contract, component), periods in sorted(pooled.items())
    )


def assemble(*, entries: Sequence[Entry], operator_ratio: Mapping[str, Mapping[str, Decimal]]) -> Totals:
    """Lines in fen.

    Per component: the exact sum is rounded once (that is what the market pays), contracts and the operator's
    own account get whole fen next to their exact amounts, and each contract's gross is split by its ratio.
    """
    merged = merge(entries)
    lines: list[Line] = []
    market_fen = 0
    for component in sorted({entry.component for entry in merged}):
        mine = [entry for entry in merged if entry.component == component]
        total_fen = fen_from_cny(sum((entry.amount_cny for entry in mine), Decimal(0)))
        market_fen += total_fen
        gross = apportion(total_fen, {entry.contract: entry.amount_cny * 100 for entry in mine})
        lines += [_line(entry, gross[entry.contract], operator_ratio) for entry in mine]
    ordered = tuple(sorted(lines, key=lambda line: (line.contract == OPERATOR, line.contract, line.component)))
    return Totals(
        lines=ordered,
        market_fen=market_fen,
        enterprises_fen=sum(line.enterprise_fen for line in ordered),
        operator_fen=sum(line.operator_fen for line in ordered),
    )


def _line(entry: Entry, gross_fen: int, operator_ratio: Mapping[str, Mapping[str, Decimal]]) -> Line:
    product = RATIO_OF[entry.component]
    if entry.contract == OPERATOR:
        enterprise_fen, operator_fen = 0, gross_fen
    elif product is None:
        enterprise_fen, operator_fen = gross_fen, 0
    else:
        enterprise_fen, operator_fen = share_fen(gross_fen=gross_fen, operator_ratio=operator_ratio[entry.contract][product])
    return Line(entry.contract, entry.component, entry.periods, entry.wh, entry.amount_cny, gross_fen, enterprise_fen, operator_fen)

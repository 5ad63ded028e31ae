"""A statement's later version: every earlier line stays, what changed gets one correction line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StatementPart:
    """One statement line. amount_fen (to the enterprise) = gross_fen - operator_fen."""

    component: str
    wh: int
    gross_fen: int
    operator_fen: int
    correction_of_version: int | None = None
    reason: str = ""

    @property
    def amount_fen(self) -> int:
        return self.gross_fen - self.operator_fen


def corrected(
    *, earlier: Sequence[StatementPart], now: Mapping[str, tuple[int, int, int]], version: int | None, reason: str
) -> tuple[StatementPart, ...]:
    """Lines of the new statement: `earlier` unchanged, each changed component followed by (new - old).

    `now` is component -> (wh, gross_fen, operator_fen); `version` is the one that is corrected (None for a
    first statement, whose lines are originals). The sum per component equals `now` exactly.
    """
    if version is None:
        return tuple(StatementPart(component, *figures) for component, figures in sorted(now.items()))
    lines: list[StatementPart] = []
    for component in sorted({part.component for part in earlier} | set(now)):
        mine = [part for part in earlier if part.component == component]
        old = (sum(p.wh for p in mine), sum(p.gross_fen for p in mine), sum(p.operator_fen for p in mine))
        new = now.get(component, (0, 0, 0))
        lines += mine
        if new != old:
            wh, gross, operator = (after - before for after, before in zip(new, old, strict=True))
            lines.append(StatementPart(component, wh, gross, operator, version, reason))
    return tuple(lines)

"""Statements for who may see them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from aggregator.enterprises.queries import enterprises_visible_to
from aggregator.kernel.errors import NotFound
from market.settlement.models import Statement


@dataclass(frozen=True)
class StatementLineFacts:
    """An original line, or a correction (new minus old) of an earlier version."""

    number: int
    component: str
    quantity_kwh: Decimal
    gross_fen: int
    operator_fen: int
    amount_fen: int
    correction_of_version: int | None
    reason: str


@dataclass(frozen=True)
class StatementFacts:
    """What one enterprise receives for one run; `newest` is False where a later version replaces it."""

    public_id: UUID
    delivery_day: date
    version: int
    state: str
    enterprise_code: str
    contract: str
    total_fen: int
    issued_at: datetime
    replaces: UUID | None
    newest: bool
    lines: tuple[StatementLineFacts, ...]


@dataclass(frozen=True)
class StatementPage:
    count: int
    results: tuple[StatementFacts, ...]


def _rows(user: Any) -> QuerySet[Statement]:
    rows = Statement.objects.filter(enterprise__in=enterprises_visible_to(user))
    return rows.select_related("run", "enterprise", "contract", "replaces", "replaced_by").prefetch_related("lines")


def _facts(row: Statement) -> StatementFacts:
    return StatementFacts(
        public_id=row.public_id,
        delivery_day=row.run.delivery_day,
        version=row.run.version,
        state=row.run.state,
        enterprise_code=row.enterprise.code,
        contract=row.contract.number,
        total_fen=row.total_fen,
        issued_at=row.issued_at,
        replaces=row.replaces.public_id if row.replaces else None,
        newest=not hasattr(row, "replaced_by"),
        lines=tuple(
            StatementLineFacts(
                number=line.number,
                component=line.component,
                quantity_kwh=line.quantity_kwh,
                gross_fen=line.gross_fen,
                operator_fen=line.operator_fen,
                amount_fen=line.amount_fen,
                correction_of_version=line.correction_of_version,
                reason=line.reason,
            )
            for line in sorted(row.lines.all(), key=lambda line: line.number)
        ),
    )


def statements(*, user: Any, day: date | None = None, enterprise: str = "", limit: int = 100, offset: int = 0) -> StatementPage:
    """Newest days first; only of enterprises that the user may see."""
    rows = _rows(user)
    if day is not None:
        rows = rows.filter(run__delivery_day=day)
    if enterprise:
        rows = rows.filter(enterprise__code=enterprise)
    ordered = rows.order_by("-run__delivery_day", "enterprise__code", "contract__number", "-run__version", "run__portfolio__code")
    return StatementPage(count=rows.count(), results=tuple(_facts(row) for row in ordered[offset : offset + limit]))


def statement(*, public_id: UUID | str, user: Any) -> StatementFacts:
    """Raises NotFound, also for a statement of an enterprise that the user may not see."""
    row = _rows(user).filter(public_id=public_id).first()
    if row is None:
        raise NotFound(what="statement")
    return _facts(row)

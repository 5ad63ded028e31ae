"""Dispatch instructions as plain facts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from aggregator.kernel.errors import NotFound
from aggregator.kernel.periods import midnight
from aggregator.support.arrays import unpack_f4
from market.instructions.models import DispatchInstruction


@dataclass(frozen=True)
class InstructionFacts:
    """`baseline_kw`: portfolio injection without intervention, per period of the window; (0,) where refused."""

    id: int
    public_id: UUID
    portfolio_id: int
    platform_id: int
    award_id: int
    reference: str
    issued_at: datetime
    received_at: datetime
    starts_at: datetime
    ends_at: datetime
    injection_change_kw: float
    baseline_kw: np.ndarray
    state: str
    state_reason: str


def _facts(row: DispatchInstruction) -> InstructionFacts:
    return InstructionFacts(
        id=row.pk,
        public_id=row.public_id,
        portfolio_id=row.portfolio_id,
        platform_id=row.platform_id,
        award_id=row.award_id,
        reference=row.reference,
        issued_at=row.issued_at,
        received_at=row.received_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        injection_change_kw=row.injection_change_kw,
        baseline_kw=unpack_f4(row.baseline_kw),
        state=row.state,
        state_reason=row.state_reason,
    )


def _all(rows: QuerySet[DispatchInstruction]) -> list[InstructionFacts]:
    return [_facts(row) for row in rows.order_by("starts_at", "platform__code", "reference")]


def instruction(*, instruction_id: int) -> InstructionFacts:
    """Raises NotFound."""
    row = DispatchInstruction.objects.filter(pk=instruction_id).first()
    if row is None:
        raise NotFound(what="dispatch instruction")
    return _facts(row)


def instructions_of(*, award_id: int) -> list[InstructionFacts]:
    """Every order that cites the award, refused ones included."""
    return _all(DispatchInstruction.objects.filter(award_id=award_id))


def instructions_on(*, portfolio_id: int, day: date) -> list[InstructionFacts]:
    """Orders of the portfolio whose window begins on a local day."""
    starts, ends = midnight(day), midnight(day + timedelta(days=1))
    return _all(DispatchInstruction.objects.filter(portfolio_id=portfolio_id, starts_at__gte=starts, starts_at__lt=ends))


def to_complete(*, portfolio_id: int, now: datetime) -> int:
    """How many executing orders have come to their end."""
    return DispatchInstruction.objects.filter(portfolio_id=portfolio_id, state="executing", ends_at__lte=now).count()

"""The stop that may be active."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.dispatch.models import GlobalStop


@dataclass(frozen=True)
class StopFacts:
    id: int
    public_id: UUID
    portfolio_id: int
    activated_at: datetime
    activated_by: str
    reason_code: str
    reason_text: str


def active_stop(*, portfolio_id: int) -> StopFacts | None:
    row = GlobalStop.objects.filter(portfolio_id=portfolio_id, released_at=None).select_related("activated_by").first()
    if row is None:
        return None
    return StopFacts(
        row.pk, row.public_id, row.portfolio_id, row.activated_at, row.activated_by.get_username(), row.reason_code, row.reason_text
    )

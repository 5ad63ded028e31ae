"""Provisional to final: a person's deed, with a reason, in the audit chain."""

from datetime import datetime
from typing import Any

from django.db import transaction

from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit
from aggregator.support.transitions import compare_and_set
from market.settlement.models import RUN, SettlementRun, Statement


class StatementsNotIssued(Anticipated):
    code = "settlement.statements_not_issued"
    text = "Version %(version)s of %(day)s has no statements yet: nobody could have objected to it."
    status = 409


def finalise(*, run_id: int, user: Any, reason_code: str, reason_text: str, now: datetime) -> None:
    """Make a provisional run final; later corrections become new versions beside it.

    Raises NotFound, ReasonMissing, StatementsNotIssued, TransitionRefused.
    """
    run = SettlementRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(what="settlement run")
    with transaction.atomic():
        if not Statement.objects.filter(run=run).exists():
            raise StatementsNotIssued(version=run.version, day=run.delivery_day.isoformat())
        compare_and_set(run, RUN, "final")
        audit.record(
            at=now,
            actor=user.get_username(),
            action="settlement.finalise",
            subject=f"settlement run {run.public_id}",
            reason_code=reason_code,
            reason_text=reason_text,
            data={"delivery_day": run.delivery_day.isoformat(), "version": run.version, "market_total_fen": run.market_total_fen},
        )

"""Declare what a portfolio's days are planned for."""

from dataclasses import asdict
from datetime import date

from aggregator.dispatch.domain.objective import DayObjective
from aggregator.dispatch.models import DeclaredObjective


def declare_objective(*, portfolio_id: int, valid_from: date, objective: DayObjective) -> None:
    """From `valid_from` until a later declaration; the same day again replaces what was declared for it."""
    DeclaredObjective.objects.update_or_create(portfolio_id=portfolio_id, valid_from=valid_from, defaults=asdict(objective))

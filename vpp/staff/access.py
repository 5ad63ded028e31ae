"""The control room's door: a staff role, and which portfolio and day the page is about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from aggregator.assets.queries import PortfolioFacts, portfolios
from aggregator.dispatch.models import DispatchPlan
from aggregator.enterprises.queries import require_role
from aggregator.kernel.periods import day_of

View = Callable[..., HttpResponse]
READERS = ("operator", "settlement", "auditor")


def staff_page(*roles: str) -> Callable[[View], View]:
    """Only signed-in staff with one of `roles` (default: any staff role)."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            require_role(request.user, *(roles or READERS))
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def chosen_portfolio(request: HttpRequest) -> PortfolioFacts | None:
    """?portfolio=<public id>, else the first. None where nothing has been imported yet."""
    found = portfolios()
    wanted = request.GET.get("portfolio")
    if not wanted:
        return found[0] if found else None
    for facts in found:
        if str(facts.public_id) == wanted:
            return facts
    raise Http404


@dataclass(frozen=True)
class ChosenDay:
    """`instead_of`: the business today, where it has no plan and the latest day with a plan or with data is shown."""

    day: date
    instead_of: date | None = None
    planned: bool = True

    @property
    def previous(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def following(self) -> date:
        return self.day + timedelta(days=1)


def chosen_day(request: HttpRequest, *, portfolio_id: int, now: datetime, last_day: date | None = None) -> ChosenDay:
    """?day=YYYY-MM-DD, else the business today, else the latest day before it that has a plan, or data (`last_day`)."""
    wanted = request.GET.get("day")
    if wanted:
        try:
            return ChosenDay(date.fromisoformat(wanted))
        except ValueError as problem:
            raise Http404 from problem
    today = day_of(now)
    starts = DispatchPlan.objects.filter(portfolio_id=portfolio_id, starts_at__lte=now).exclude(purpose="stop")
    newest = starts.order_by("-starts_at").values_list("starts_at", flat=True).first()
    planned = day_of(newest) if newest is not None else None
    if planned == today:
        return ChosenDay(today)
    if last_day is not None and (planned is None or last_day > planned):
        return ChosenDay(last_day, instead_of=today, planned=False)
    return ChosenDay(planned, instead_of=today) if planned is not None else ChosenDay(today)

"""The control room's door: a staff role, and which portfolio and day the page is about."""

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from aggregator.assets.queries import PortfolioFacts, portfolios
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
    wanted = request.GET.get("portfolio") or request.POST.get("portfolio")
    if not wanted:
        return found[0] if found else None
    for facts in found:
        if str(facts.public_id) == wanted:
            return facts
    raise Http404


def chosen_day(request: HttpRequest, *, now: datetime) -> date:
    """?day=YYYY-MM-DD, else the local today of business time."""
    wanted = request.GET.get("day")
    if not wanted:
        return day_of(now)
    try:
        return date.fromisoformat(wanted)
    except ValueError as problem:
        raise Http404 from problem

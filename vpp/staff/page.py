"""What every page of the control room says at its head: portfolio, global stop, what the reader may do."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from aggregator.assets.queries import PortfolioFacts
from aggregator.dispatch import queries as dispatch_queries
from aggregator.enterprises.queries import staff_roles
from aggregator.support import clock


def page(request: HttpRequest, template: str, *, portfolio: PortfolioFacts | None, **context: Any) -> HttpResponse:
    stop = dispatch_queries.active_stop(portfolio_id=portfolio.id) if portfolio else None
    keep = f"?portfolio={request.GET['portfolio']}" if request.GET.get("portfolio") else ""
    roles = staff_roles(request.user)
    allowed = {"may_operate": "operator" in roles, "may_settle": "settlement" in roles}
    return render(request, template, {"portfolio": portfolio, "stop": stop, "now": clock.now(), "keep": keep, **allowed, **context})

"""What an instruction would ask of whom, under every rule, before anybody gives it. Nothing is stored or sent."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from aggregator.assets.queries import PortfolioFacts, sites_on
from aggregator.dispatch.operations import preview_instruction
from aggregator.dispatch.queries import current_plan
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid, day_of
from aggregator.support import clock
from aggregator.support.problems import text_of
from market.instructions.models import DispatchInstruction
from vpp.portal.forms import Moment
from vpp.staff.access import chosen_portfolio, staff_page
from vpp.staff.page import page
from vpp.staff.split_page import side_by_side, split_picture

DIRECTIONS = [("up", _("up: feed in more, draw less")), ("down", _("down: feed in less, draw more"))]


class PreviewForm(forms.Form):
    starts_at = forms.DateTimeField(label=_("From (local time)"), widget=Moment())
    ends_at = forms.DateTimeField(label=_("Until (local time)"), widget=Moment())
    direction = forms.ChoiceField(label=_("Direction"), choices=DIRECTIONS)
    change_kw = forms.FloatField(label=_("Change against what is planned, kW"), min_value=0.001, max_value=10_000_000)

    @property
    def injection_change_kw(self) -> float:
        kw = self.cleaned_data["change_kw"]
        return kw if self.cleaned_data["direction"] == "up" else -kw


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def preview(request: HttpRequest) -> HttpResponse:
    """The form; with what was typed, the splits below it."""
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return redirect("staff:overview")
    form = PreviewForm(request.POST or None, initial=_initial(request, portfolio, now))
    shown: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            shown = _splits(portfolio, form, now)
        except Anticipated as refused:
            form.add_error(None, text_of(refused))
    return page(request, "staff/preview.html", portfolio=portfolio, form=form, **shown)


def _initial(request: HttpRequest, portfolio: PortfolioFacts, now: datetime) -> dict[str, Any]:
    """The instruction that the address names, else the hour after the next full one."""
    row = _instruction(portfolio, request.GET.get("instruction", ""))
    if row is not None:
        direction = "up" if row.injection_change_kw > 0 else "down"
        return {"starts_at": row.starts_at, "ends_at": row.ends_at, "direction": direction, "change_kw": abs(row.injection_change_kw)}
    full = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return {"starts_at": full, "ends_at": full + timedelta(hours=1), "direction": "up"}


def _instruction(portfolio: PortfolioFacts, wanted: str) -> DispatchInstruction | None:
    """Raises Http404 where the address names none of this portfolio."""
    if not wanted:
        return None
    try:
        return get_object_or_404(DispatchInstruction, portfolio_id=portfolio.id, public_id=UUID(wanted))
    except ValueError as problem:
        raise Http404 from problem


def _splits(portfolio: PortfolioFacts, form: PreviewForm, now: datetime) -> dict[str, Any]:
    starts_at, ends_at = form.cleaned_data["starts_at"], form.cleaned_data["ends_at"]
    found = preview_instruction(
        portfolio_id=portfolio.id, starts_at=starts_at, ends_at=ends_at, injection_change_kw=form.injection_change_kw, now=now
    )
    grid = _grid(portfolio.id, starts_at, now)
    pictures = [split_picture(one.split.as_json(), grid=grid, park_id=portfolio.park_id) for one in found]
    sites = sites_on(portfolio_id=portfolio.id, day=day_of(starts_at))
    return {
        "found": list(zip(found, pictures, strict=True)),
        "across": side_by_side(pictures),
        "no_least_shares": all(site.least_call_ratio is None for site in sites),
    }


def _grid(portfolio_id: int, starts_at: datetime, now: datetime) -> Grid:
    """The periods that a preview counts on: those of the ruling plan that are not over."""
    plan = current_plan(portfolio_id=portfolio_id, at=max(starts_at, now))
    assert plan is not None
    return plan.grid.tail(max(0, (now - plan.grid.starts_at) // plan.grid.resolution))

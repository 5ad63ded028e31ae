"""Pareto reports: all, one, and asking for a new one as a job. Nothing of this is sent to anybody."""

from datetime import date
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.dispatch.models import ParetoReport
from aggregator.dispatch.queries import pareto_report
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import day_of
from aggregator.support import clock, jobs
from aggregator.support.models import Job
from vpp.staff import lists
from vpp.staff.access import chosen_portfolio, staff_page
from vpp.staff.chart_words import pareto_words
from vpp.staff.page import page
from vpp.staff.pareto_page import pareto_picture
from vpp.tables import csv_answer, listing

JOB = "vpp.pareto_report"
NEWEST_JOBS = 5


class ParetoForm(forms.Form):
    """The factor is somebody's published figure or none: it is never assumed."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    factor_kg_per_kwh = forms.FloatField(
        label=gettext_lazy("Emission factor of the grid, kg CO2 per kWh (empty: carbon is left out)"),
        required=False,
        min_value=0,
        max_value=5,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    factor_source = forms.CharField(label=gettext_lazy("Source of the factor: document and year"), required=False, max_length=200)

    def clean(self) -> dict:
        found = super().clean() or {}
        if found.get("factor_kg_per_kwh") is not None and not found.get("factor_source"):
            self.add_error("factor_source", gettext_lazy("A factor counts only with its source."))
        return found


@require_GET
@staff_page()
def pareto_list(request: HttpRequest) -> HttpResponse:
    portfolio = chosen_portfolio(request)
    rows = ParetoReport.objects.filter(portfolio_id=portfolio.id if portfolio else None)
    found = listing(request, rows, [], lists.PARETO_COLUMNS, name="pareto")
    if isinstance(found, HttpResponse):
        return found
    asked = Job.objects.filter(name=JOB, payload__portfolio_id=portfolio.id if portfolio else None).exclude(state="done")
    waiting = asked.order_by("-pk")[:NEWEST_JOBS]
    return page(request, "staff/paretos.html", portfolio=portfolio, list=found, rows=found.page, waiting=waiting)


@require_GET
@staff_page()
def pareto_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(ParetoReport, public_id=public_id)
    report = pareto_report(report_id=row.pk)
    if request.GET.get("format") == "csv":
        names = ("aim", "cost_cny", "carbon_kg", "self_consumption_ratio", "price_cny_per_kg", "lower_bound_cny", "gap_ratio", "relaxed")
        return csv_answer(f"pareto-{report.day}", names, ([point[name] for name in names] for point in report.points))
    return page(
        request,
        "staff/pareto.html",
        portfolio=chosen_portfolio(request),
        report=report,
        picture=pareto_picture(report),
        words=pareto_words(),
    )


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def pareto_new(request: HttpRequest) -> HttpResponse:
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return redirect("staff:overview")
    form = ParetoForm(request.POST or None, initial={"day": day_of(now)})
    if request.method == "POST" and form.is_valid():
        jobs.enqueue(name=JOB, key=_key(portfolio.id, form.cleaned_data), payload=_payload(portfolio.id, form.cleaned_data))
        messages.success(request, _("The report is being computed; it appears in this list."))
        return redirect(f"{request.path.removesuffix('new/')}?portfolio={portfolio.public_id}")
    return page(request, "staff/pareto_new.html", portfolio=portfolio, form=form)


def _payload(portfolio_id: int, asked: dict) -> dict:
    day: date = asked["day"]
    return {
        "portfolio_id": portfolio_id,
        "day": day.isoformat(),
        "factor_kg_per_kwh": asked["factor_kg_per_kwh"],
        "factor_source": asked["factor_source"] if asked["factor_kg_per_kwh"] is not None else "",
    }


def _key(portfolio_id: int, asked: dict) -> str:
    """Asking twice at the same moment is one job; asking later is another, for prices and forecasts may have changed."""
    return f"{clock.wall_now():%Y%m%dT%H%M} {fingerprint(_payload(portfolio_id, asked))[:24]}"

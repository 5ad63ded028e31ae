"""Runs of the optimiser: all, one, and two side by side."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from aggregator.dispatch import queries
from aggregator.dispatch.models import DispatchPlan, OptimisationRun
from market.bids.models import Bid
from vpp.staff import lists
from vpp.staff.access import chosen_portfolio, staff_page
from vpp.staff.page import page
from vpp.staff.run_page import compare, limits_of, scale_of, stages_of
from vpp.staff.split_page import split_picture
from vpp.tables import listing


@require_GET
@staff_page()
def run_list(request: HttpRequest) -> HttpResponse:
    portfolio = chosen_portfolio(request)
    rows = OptimisationRun.objects.filter(portfolio_id=portfolio.id if portfolio else None)
    found = listing(request, rows, lists.run_choices(), lists.RUN_COLUMNS, name="optimisation")
    if isinstance(found, HttpResponse):
        return found
    facts = queries.optimisation_runs(run_ids=[row.pk for row in found.page])
    return page(request, "staff/optimisation.html", portfolio=portfolio, list=found, rows=facts)


@require_GET
@staff_page()
def run_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(OptimisationRun.objects.select_related("portfolio"), public_id=public_id)
    run = queries.optimisation_run(public_id=public_id)
    return page(
        request,
        "staff/optimisation_run.html",
        portfolio=chosen_portfolio(request),
        run=run,
        scale=scale_of(run),
        stages=stages_of(run),
        limits=limits_of(run),
        split=split_picture(run.details["split"], grid=run.grid, park_id=row.portfolio.park_id) if "split" in run.details else None,
        plan=DispatchPlan.objects.filter(run=row).first(),
        bid=Bid.objects.filter(optimisation_run=row).first(),
        same_inputs=OptimisationRun.objects.filter(portfolio_id=row.portfolio_id, inputs_hash=row.inputs_hash).exclude(pk=row.pk)[:10],
    )


@require_GET
@staff_page()
def run_compare(request: HttpRequest) -> HttpResponse:
    """?run=<public id>&run=<public id>, the older one left."""
    wanted = list(dict.fromkeys(request.GET.getlist("run")))
    if len(wanted) != 2:
        messages.error(request, _("Choose two runs to compare."))
        return redirect("staff:optimisations")
    try:
        ids = [UUID(one) for one in wanted]
    except ValueError as problem:
        raise Http404 from problem
    for one in ids:
        get_object_or_404(OptimisationRun, public_id=one)
    left, right = sorted((queries.optimisation_run(public_id=one) for one in ids), key=lambda run: run.computed_at)
    return page(
        request,
        "staff/optimisation_compare.html",
        portfolio=chosen_portfolio(request),
        left=left,
        right=right,
        lines=compare(left, right),
    )

"""Plans of a portfolio, one plan, and one asset in it."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from aggregator.assets.models import Asset
from aggregator.dispatch import queries
from aggregator.dispatch.models import DispatchPlan
from aggregator.support import clock
from vpp.asset_plan import asset_plan
from vpp.staff import lists
from vpp.staff.access import chosen_portfolio, staff_page
from vpp.staff.chart_words import asset_plan_words, plan_words
from vpp.staff.page import page
from vpp.staff.plan_page import assets_of, ends_next_day, plan_members, plan_picture
from vpp.tables import csv_answer, listing
from vpp.templatetags.vpp import own_name, reason_text


@require_GET
@staff_page()
def plan_list(request: HttpRequest) -> HttpResponse:
    portfolio = chosen_portfolio(request)
    rows = DispatchPlan.objects.filter(portfolio_id=portfolio.id if portfolio else None).defer("explanations", "inputs")
    found = listing(request, rows.select_related("run").order_by("-sequence"), lists.plan_choices(), lists.PLAN_COLUMNS, name="plans")
    if isinstance(found, HttpResponse):
        return found
    return page(request, "staff/plans.html", portfolio=portfolio, list=found, rows=found.page)


@require_GET
@staff_page()
def plan_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    get_object_or_404(DispatchPlan, public_id=public_id)
    plan = queries.plan_of(public_id=public_id)
    picture = plan_picture(plan, name_of=own_name, others=_("other sites"))
    if request.GET.get("format") == "csv":
        header = ("starts_at", "planned_kw", "target_kw", "shortfall_kw", "price_cny_per_mwh")
        rows = [(row["at"].isoformat(), *(row[name] for name in header[1:])) for row in picture.rows]
        return csv_answer(f"plan-{plan.sequence}", header, rows)
    return page(
        request,
        "staff/plan.html",
        portfolio=chosen_portfolio(request),
        plan=plan,
        long=ends_next_day(plan),
        picture=picture,
        words=plan_words(),
        run=queries.optimisation_run_of(plan_id=plan.id),
        assets=assets_of(plan, enterprise=request.GET.get("enterprise", ""), number=request.GET.get("page")),
    )


@require_GET
@staff_page()
def plan_asset(request: HttpRequest, public_id: UUID, asset_id: UUID) -> HttpResponse:
    """One asset in one plan."""
    get_object_or_404(DispatchPlan, public_id=public_id)
    plan = queries.plan_of(public_id=public_id)
    member = next((member for member in plan_members(plan) if member.public_id == asset_id), None)
    if member is None:
        raise Http404
    shown = asset_plan(plan=plan, member=member, now=clock.now())
    return page(
        request,
        "staff/plan_asset.html",
        portfolio=chosen_portfolio(request),
        plan=plan,
        long=ends_next_day(plan),
        asset=Asset.objects.select_related("site__enterprise").get(pk=member.asset_id),
        shown=shown,
        curves=shown.as_json(reasons=[reason_text(row["reason"]) for row in shown.why]),
        words=asset_plan_words(),
    )

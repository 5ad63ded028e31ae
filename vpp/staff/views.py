"""Control room pages. Each view: permission, one call, render."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aggregator.assets.queries import members_on
from aggregator.dispatch import operations as dispatch_operations
from aggregator.dispatch import queries as dispatch_queries
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import day_of
from aggregator.support import clock
from aggregator.support.models import Alarm, AuditEvent
from aggregator.support.problems import text_of
from market.bids import operations as bid_operations
from market.bids.models import Award, Bid
from market.instructions.models import DispatchInstruction
from market.settlement import queries as settlement_queries
from market.settlement.models import SettlementRun
from vpp.staff.access import chosen_day, chosen_portfolio, staff_page
from vpp.staff.day_picture import day_picture
from vpp.staff.forms import ReasonForm
from vpp.staff.instruction_page import instruction_facts
from vpp.staff.overview import overview

PAGE_ROWS = 200


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    portfolio = chosen_portfolio(request)
    stop = dispatch_queries.active_stop(portfolio_id=portfolio.id) if portfolio else None
    return render(request, template, {"portfolio": portfolio, "stop": stop, "now": clock.now(), **context})


@require_GET
@staff_page()
def show_overview(request: HttpRequest) -> HttpResponse:
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return render(request, "staff/empty.html")
    day = chosen_day(request, now=now)
    words = {
        "plan": _("Plan"),
        "actual": _("Measured"),
        "baseline": _("Baseline"),
        "day_ahead": _("Day-ahead price"),
        "real_time": _("Real-time price"),
        "power_axis": _("kW, above 0 = feeding in"),
        "price_axis": _("CNY/MWh"),
        "now": _("now"),
        "missing": _("no data"),
        "description": _("Portfolio power of the day: plan, measured and baseline; prices below."),
    }
    picture = day_picture(
        portfolio_id=portfolio.id, park_id=portfolio.park_id, day=day, resolution=timedelta(seconds=portfolio.resolution_s), now=now
    )
    return _page(
        request,
        "staff/overview.html",
        facts=overview(portfolio=portfolio, now=now),
        day=day,
        previous=day - timedelta(days=1),
        following=day + timedelta(days=1),
        words=words,
        table=picture.rows(),
    )


@require_GET
@staff_page()
def day_json(request: HttpRequest) -> HttpResponse:
    """The day's curves; an unchanged picture answers 304."""
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return JsonResponse({"starts": [], "instructions": []})
    picture = day_picture(
        portfolio_id=portfolio.id,
        park_id=portfolio.park_id,
        day=chosen_day(request, now=now),
        resolution=timedelta(seconds=portfolio.resolution_s),
        now=now,
    )
    labels = {row.pk: _("Instruction %(kw).0f kW") % {"kw": row.injection_change_kw} for row in picture.instructions}
    body = json.dumps(picture.as_json(now=now.replace(second=0, microsecond=0), labels=labels))
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": etag, "Cache-Control": "private, no-cache"})


@require_GET
@staff_page()
def instruction_list(request: HttpRequest) -> HttpResponse:
    rows = DispatchInstruction.objects.select_related("platform", "award")[:PAGE_ROWS]
    return _page(request, "staff/instructions.html", rows=rows)


@require_GET
@staff_page()
def instruction_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(DispatchInstruction.objects.select_related("award", "platform"), public_id=public_id)
    return _page(request, "staff/instruction.html", facts=instruction_facts(row))


@require_GET
@staff_page()
def bid_list(request: HttpRequest) -> HttpResponse:
    return _page(request, "staff/bids.html", rows=Bid.objects.select_related("platform")[:PAGE_ROWS])


@require_http_methods(["GET", "POST"])
@staff_page()
def bid_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    bid = get_object_or_404(Bid.objects.select_related("platform", "invitation"), public_id=public_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _approve(request, bid, form)
    award = Award.objects.filter(bid=bid).prefetch_related("periods").first()
    return _page(request, "staff/bid.html", bid=bid, steps=bid.steps.all(), award=award, form=form)


@staff_page("operator")
def _approve(request: HttpRequest, bid: Bid, form: ReasonForm) -> HttpResponse:
    try:
        bid_operations.approve(bid_id=bid.pk, user=request.user, now=clock.now(), **form.cleaned_data)
    except Anticipated as refused:
        messages.error(request, text_of(refused))
    else:
        messages.success(request, _("The bid is approved and will be submitted before gate closure."))
    return redirect("staff:bid", public_id=bid.public_id)


@require_GET
@staff_page()
def alarm_list(request: HttpRequest) -> HttpResponse:
    return _page(request, "staff/alarms.html", rows=Alarm.objects.select_related("acknowledged_by")[:PAGE_ROWS])


@require_POST
@staff_page("operator")
def acknowledge_alarm(request: HttpRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(Alarm, public_id=public_id)
    Alarm.objects.filter(pk=row.pk, acknowledged_at=None).update(acknowledged_at=clock.now(), acknowledged_by=request.user)
    return redirect("staff:alarms")


@require_GET
@staff_page()
def trace_list(request: HttpRequest) -> HttpResponse:
    return _page(request, "staff/traces.html", rows=Award.objects.select_related("bid", "platform").order_by("-pk")[:PAGE_ROWS])


@require_GET
@staff_page()
def trace(request: HttpRequest, public_id: str) -> HttpResponse:
    get_object_or_404(Award, public_id=public_id)
    return _page(request, "staff/trace.html", trace=settlement_queries.trace(award_public_id=public_id, user=request.user))


@require_GET
@staff_page("settlement", "auditor", "operator")
def settlement_list(request: HttpRequest) -> HttpResponse:
    return _page(request, "staff/settlement.html", rows=SettlementRun.objects.all()[:PAGE_ROWS])


@require_GET
@staff_page("settlement", "auditor", "operator")
def settlement_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    run = get_object_or_404(SettlementRun, public_id=public_id)
    lines = run.lines.select_related("contract__enterprise")
    return _page(request, "staff/settlement_run.html", run=run, lines=lines, statements=run.statements.select_related("enterprise"))


@require_GET
@staff_page()
def audit_list(request: HttpRequest) -> HttpResponse:
    return _page(request, "staff/audit.html", rows=AuditEvent.objects.order_by("-sequence")[:PAGE_ROWS])


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def global_stop(request: HttpRequest) -> HttpResponse:
    """First the effect, then a typed reason, then the deed."""
    portfolio = chosen_portfolio(request)
    if portfolio is None:
        return redirect("staff:overview")
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act = dispatch_operations.release_stop if request.POST.get("deed") == "release" else dispatch_operations.activate_stop
        try:
            act(portfolio_id=portfolio.id, user=request.user, now=clock.now(), **form.cleaned_data)
        except Anticipated as refused:
            messages.error(request, text_of(refused))
        return redirect("staff:overview")
    affected = members_on(portfolio_id=portfolio.id, day=day_of(clock.now()))
    return _page(request, "staff/stop.html", form=form, affected=affected)

"""Control room pages. Each view: permission, one call, render."""

import hashlib
import json
from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.assets.queries import members_on
from aggregator.dispatch import operations as dispatch_operations
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import day_of
from aggregator.support import clock
from aggregator.support.models import Alarm, AuditEvent
from aggregator.support.problems import text_of
from market.bids import operations as bid_operations
from market.bids import queries as bid_queries
from market.bids.models import Award, Bid
from market.instructions.models import DispatchInstruction
from market.settlement import operations as settlement_operations
from market.settlement import queries as settlement_queries
from market.settlement.models import SettlementRun
from vpp.pack_notes import pack_of_day, pack_of_label
from vpp.staff import lists
from vpp.staff.access import chosen_day, chosen_portfolio, staff_page
from vpp.staff.bid_page import bid_curves, capability_rows
from vpp.staff.bid_risk import price_curves, risk_picture
from vpp.staff.chart_words import bid_words, day_words, risk_words
from vpp.staff.day_picture import day_picture
from vpp.staff.forms import ReasonForm
from vpp.staff.instruction_page import instruction_plans
from vpp.staff.overview import heard_of, overview
from vpp.staff.page import page
from vpp.tables import Choice, Column, csv_answer, listing
from vpp.templatetags.vpp import change_power

AUDIT_ROWS = 200


def _list(
    request: HttpRequest, template: str, rows: QuerySet, choices: Sequence[Choice], columns: Sequence[Column], *, name: str
) -> HttpResponse:
    found = listing(request, rows, choices, columns, name=name)
    if isinstance(found, HttpResponse):
        return found
    return page(request, template, portfolio=chosen_portfolio(request), list=found, rows=found.page)


def _portfolio_id(request: HttpRequest) -> int | None:
    portfolio = chosen_portfolio(request)
    return portfolio.id if portfolio else None


@require_GET
@staff_page()
def show_overview(request: HttpRequest) -> HttpResponse:
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return render(request, "staff/empty.html")
    heard = heard_of(portfolio=portfolio, now=now)
    chosen = chosen_day(request, portfolio_id=portfolio.id, now=now, last_day=heard.last_day)
    return page(
        request,
        "staff/overview.html",
        portfolio=portfolio,
        facts=overview(portfolio=portfolio, now=now, heard=heard),
        days=chosen,
        words=day_words(),
        table=day_picture(portfolio=portfolio, day=chosen.day, now=now).rows(),
    )


@require_GET
@staff_page()
def day_json(request: HttpRequest) -> HttpResponse:
    """The day's curves; an unchanged picture answers 304."""
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return JsonResponse({"edges": [], "instructions": []})
    day = chosen_day(request, portfolio_id=portfolio.id, now=now).day
    picture = day_picture(portfolio=portfolio, day=day, now=now)
    word = _("Instruction")
    labels = {row.id: f"{word}: {change_power(row.injection_change_kw)}" for row in picture.instructions}
    body = json.dumps(picture.as_json(now=now.replace(second=0, microsecond=0), labels=labels))
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": etag, "Cache-Control": "private, no-cache"})


@require_GET
@staff_page()
def instruction_list(request: HttpRequest) -> HttpResponse:
    rows = DispatchInstruction.objects.filter(portfolio_id=_portfolio_id(request)).select_related("platform", "award")
    choices, columns = lists.instruction_choices(), lists.INSTRUCTION_COLUMNS
    return _list(request, "staff/instructions.html", rows.order_by("-starts_at", "reference"), choices, columns, name="instructions")


@require_GET
@staff_page()
def instruction_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(DispatchInstruction.objects.select_related("award", "platform"), public_id=public_id)
    return page(request, "staff/instruction.html", portfolio=chosen_portfolio(request), row=row, plans=instruction_plans(row))


@require_GET
@staff_page()
def bid_list(request: HttpRequest) -> HttpResponse:
    rows = Bid.objects.filter(portfolio_id=_portfolio_id(request)).select_related("platform")
    rows = rows.order_by("-delivery_day", "product", "-computed_at")
    return _list(request, "staff/bids.html", rows, lists.bid_choices(), lists.BID_COLUMNS, name="bids")


@require_http_methods(["GET", "POST"])
@staff_page()
def bid_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    bid = get_object_or_404(Bid.objects.select_related("platform", "invitation", "portfolio"), public_id=public_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _decide(request, bid, form)
    facts = bid_queries.bid(bid_id=bid.pk)
    return page(
        request,
        "staff/bid.html",
        portfolio=chosen_portfolio(request),
        bid=bid,
        steps=bid.steps.all(),
        award=Award.objects.filter(bid=bid).prefetch_related("periods").first(),
        curves=bid_curves(bid_id=bid.pk),
        capability=capability_rows(bid),
        words=bid_words(),
        price_curves=price_curves(facts),
        risk=None if facts.risk is None else risk_picture(facts.risk),
        risk_words=risk_words(),
        pack=pack_of_day(park_id=bid.portfolio.park_id, day=bid.delivery_day),
        form=form,
    )


@staff_page("operator")
def _decide(request: HttpRequest, bid: Bid, form: ReasonForm) -> HttpResponse:
    """Approve the bid or take it back, as the button says."""
    deeds = {"approve": bid_operations.approve, "withdraw": bid_operations.withdraw}
    done = {
        "approve": _("The bid is approved and will be submitted before gate closure."),
        "withdraw": _("The bid is withdrawn and will not be submitted."),
    }
    deed = request.POST.get("deed", "")
    if deed not in deeds:
        raise BadRequest
    try:
        deeds[deed](bid_id=bid.pk, user=request.user, now=clock.now(), **form.cleaned_data)
    except Anticipated as refused:
        messages.error(request, text_of(refused))
    else:
        messages.success(request, done[deed])
    return redirect("staff:bid", public_id=bid.public_id)


@require_GET
@staff_page()
def alarm_list(request: HttpRequest) -> HttpResponse:
    rows = Alarm.objects.select_related("acknowledged_by")
    return _list(request, "staff/alarms.html", rows, lists.alarm_choices(), lists.ALARM_COLUMNS, name="alarms")


@require_GET
@staff_page()
def trace_list(request: HttpRequest) -> HttpResponse:
    rows = Award.objects.filter(bid__portfolio_id=_portfolio_id(request)).select_related("bid", "platform")
    rows = rows.order_by("-bid__delivery_day", "bid__product")
    return _list(request, "staff/traces.html", rows, lists.award_choices(), lists.AWARD_COLUMNS, name="awards")


@require_GET
@staff_page()
def trace(request: HttpRequest, public_id: UUID) -> HttpResponse:
    get_object_or_404(Award, public_id=public_id)
    found = settlement_queries.trace(award_public_id=public_id, user=request.user)
    return page(request, "staff/trace.html", portfolio=chosen_portfolio(request), trace=found)


@require_GET
@staff_page()
def settlement_list(request: HttpRequest) -> HttpResponse:
    rows = SettlementRun.objects.filter(portfolio_id=_portfolio_id(request))
    return _list(request, "staff/settlement.html", rows, lists.settlement_choices(), lists.SETTLEMENT_COLUMNS, name="settlement")


@require_http_methods(["GET", "POST"])
@staff_page()
def settlement_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    run = get_object_or_404(SettlementRun, public_id=public_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _finalise(request, run, form)
    lines = run.lines.select_related("contract__enterprise").order_by("contract__number", "component")
    if request.GET.get("format") == "csv":
        columns = lists.LINE_COLUMNS
        rows = ([column.value(line) for column in columns] for line in lines)
        return csv_answer(f"settlement-{run.delivery_day}-v{run.version}", [column.heading for column in columns], rows)
    return page(
        request,
        "staff/settlement_run.html",
        portfolio=chosen_portfolio(request),
        run=run,
        lines=lines,
        versions=SettlementRun.objects.filter(portfolio_id=run.portfolio_id, delivery_day=run.delivery_day).order_by("version"),
        pack=pack_of_label(run.rule_pack),
        form=form,
    )


@staff_page("settlement")
def _finalise(request: HttpRequest, run: SettlementRun, form: ReasonForm) -> HttpResponse:
    try:
        settlement_operations.finalise(run_id=run.pk, user=request.user, now=clock.now(), **form.cleaned_data)
    except Anticipated as refused:
        messages.error(request, text_of(refused))
    else:
        messages.success(request, _("The settlement is final; a later correction becomes a new version beside it."))
    return redirect("staff:settlement", public_id=run.public_id)


@require_GET
@staff_page()
def audit_list(request: HttpRequest) -> HttpResponse:
    rows = AuditEvent.objects.order_by("-sequence")[:AUDIT_ROWS]
    return page(request, "staff/audit.html", portfolio=chosen_portfolio(request), rows=rows)


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
        return redirect(f"{request.path.removesuffix('stop/')}?portfolio={portfolio.public_id}")
    affected = members_on(portfolio_id=portfolio.id, day=day_of(clock.now()))
    return page(request, "staff/stop.html", portfolio=portfolio, form=form, affected=affected)

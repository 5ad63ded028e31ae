"""Enterprise portal pages: my assets, my events, my statements, my green share."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.assets import operations as asset_operations
from aggregator.assets.models import Asset
from aggregator.enterprises.models import Enterprise
from aggregator.kernel.errors import Anticipated
from aggregator.support import clock
from aggregator.support.problems import text_of
from market.settlement.models import Statement
from vpp.pack_notes import pack_of_label
from vpp.portal import queries
from vpp.portal.access import may_manage, portal_page, require_manager
from vpp.portal.events import own_events
from vpp.portal.forms import OptOutForm, OwnReasonForm
from vpp.portal.page import page
from vpp.portal.plans import own_plan
from vpp.staff.chart_words import asset_plan_words
from vpp.tables import Column, csv_answer, listing
from vpp.templatetags.vpp import component_text, reason_text


@require_GET
@portal_page
def assets(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    found = queries.own_assets(enterprise=enterprise, now=clock.now())
    return page(request, enterprise, "portal/assets.html", found=found, rows=found.rows)


@require_http_methods(["GET", "POST"])
@portal_page
def asset(request: HttpRequest, enterprise: Enterprise, public_id: UUID) -> HttpResponse:
    """One own asset, and the times in which its owner keeps it for themselves."""
    found = queries.own_assets(enterprise=enterprise, now=clock.now(), public_id=public_id)
    if not found.rows:
        raise Http404
    row = found.rows[0]
    form = OptOutForm(request.POST or None)
    if request.method == "POST":
        require_manager(request, enterprise)
        if form.is_valid() and _kept_out(request, row.asset, form):
            return redirect(_address(row.asset, enterprise))
    allowed = may_manage(request, enterprise)
    return page(request, enterprise, "portal/asset.html", found=found, row=row, form=form, may_manage=allowed)


@require_GET
@portal_page
def asset_plan(request: HttpRequest, enterprise: Enterprise, public_id: UUID) -> HttpResponse:
    """What the newest plan, or the one in the address, makes of one own asset, and why."""
    own = get_object_or_404(Asset, public_id=public_id, site__enterprise=enterprise)
    wanted, now = request.GET.get("plan", ""), clock.now()
    found = own_plan(asset=own, wanted=wanted, now=now)
    if found is None and wanted:
        raise Http404
    more: dict[str, Any] = {}
    if found is not None:
        reasons = [reason_text(row["reason"]) for row in found.shown.why]
        more = {
            "shown": found.shown,
            "rows": found.shown.rows(),
            "curves": found.shown.as_json(reasons=reasons),
            "words": asset_plan_words(),
        }
    return page(request, enterprise, "portal/asset_plan.html", asset=own, found=found, **more)


def _kept_out(request: HttpRequest, own: Asset, form: OptOutForm) -> bool:
    try:
        asset_operations.opt_out(asset_id=own.pk, user=request.user, now=clock.now(), **form.cleaned_data)
    except Anticipated as refused:
        form.add_error(None, text_of(refused))
        return False
    messages.success(request, _("The asset is kept out; plans made from now on leave it alone in this time."))
    return True


def _address(own: Asset, enterprise: Enterprise) -> str:
    return f"{reverse('portal:asset', args=[own.public_id])}?enterprise={enterprise.code}"


@require_http_methods(["GET", "POST"])
@portal_page
def opt_out(request: HttpRequest, enterprise: Enterprise, public_id: UUID) -> HttpResponse:
    """Give up what is left of a time in which an own asset is kept out."""
    found = queries.own_opt_out(enterprise=enterprise, reference=public_id, now=clock.now())
    if found is None:
        raise Http404
    require_manager(request, enterprise)
    own, window = found
    form = OwnReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            asset_operations.opt_in(asset_id=own.pk, reference=window.reference, user=request.user, now=clock.now(), **form.cleaned_data)
        except Anticipated as refused:
            messages.error(request, text_of(refused))
        else:
            messages.success(request, _("The asset is offered again."))
        return redirect(_address(own, enterprise))
    return page(request, enterprise, "portal/opt_out.html", asset=own, window=window, form=form)


@require_GET
@portal_page
def events(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    return page(request, enterprise, "portal/events.html", rows=own_events(enterprise=enterprise))


STATEMENT_COLUMNS = [
    Column("delivery_day", lambda row: row.run.delivery_day.isoformat()),
    Column("version", lambda row: row.run.version),
    Column("state", lambda row: row.run.state),
    Column("contract", lambda row: row.contract.number),
    Column("total_fen", lambda row: row.total_fen),
    Column("issued_at", lambda row: row.issued_at.isoformat()),
]
LINE_COLUMNS = [
    Column("number", lambda line: line.number),
    Column("component", lambda line: component_text(line.component)),
    Column("quantity_kwh", lambda line: line.quantity_kwh),
    Column("gross_fen", lambda line: line.gross_fen),
    Column("operator_fen", lambda line: line.operator_fen),
    Column("amount_fen", lambda line: line.amount_fen),
    Column("correction_of_version", lambda line: line.correction_of_version),
    Column("reason", lambda line: line.reason),
]


@require_GET
@portal_page
def statements(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    found = listing(request, queries.own_statements(enterprise=enterprise), [], STATEMENT_COLUMNS, name="statements")
    if isinstance(found, HttpResponse):
        return found
    return page(request, enterprise, "portal/statements.html", list=found, rows=found.page)


@require_GET
@portal_page
def statement(request: HttpRequest, enterprise: Enterprise, public_id: UUID) -> HttpResponse:
    found = _own(enterprise, public_id)
    pack = pack_of_label(found.run.rule_pack)
    replaced_by = getattr(found, "replaced_by", None)
    return page(request, enterprise, "portal/statement.html", statement=found, lines=found.lines.all(), pack=pack, replaced_by=replaced_by)


@require_GET
@portal_page
def statement_csv(request: HttpRequest, enterprise: Enterprise, public_id: UUID) -> HttpResponse:
    """The statement's lines as CSV, the total last."""
    found = _own(enterprise, public_id)
    lines = [[column.value(line) for column in LINE_COLUMNS] for line in found.lines.all()]
    total = ["", "total", "", "", "", found.total_fen, "", ""]
    name = f"statement-{found.run.delivery_day}-v{found.run.version}"
    return csv_answer(name, [column.heading for column in LINE_COLUMNS], [*lines, total])


def _own(enterprise: Enterprise, public_id: UUID) -> Statement:
    found = queries.own_statement(enterprise=enterprise, public_id=public_id)
    if found is None:
        raise Http404
    return found


@require_GET
@portal_page
def green(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    days = queries.settled_days(enterprise=enterprise)
    wanted = request.GET.get("day")
    day = next((d for d in days if d.isoformat() == wanted), days[0] if days else None)
    share = queries.own_green(enterprise=enterprise, day=day) if day else None
    return page(request, enterprise, "portal/green.html", days=days, day=day, share=share, rows=queries.green_rows(share))

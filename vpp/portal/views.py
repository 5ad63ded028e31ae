"""Enterprise portal pages: my assets, my events, my statements, my green share."""

import csv
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from aggregator.enterprises.models import Enterprise
from aggregator.enterprises.queries import enterprises_visible_to
from aggregator.support import clock
from vpp.portal import queries
from vpp.portal.access import portal_page
from vpp.portal.csv_safe import safe_cell
from vpp.templatetags.vpp import component_text


def _page(request: HttpRequest, enterprise: Enterprise, template: str, **context: Any) -> HttpResponse:
    others = enterprises_visible_to(request.user).exclude(pk=enterprise.pk).order_by("code")[:50]
    return render(request, template, {"enterprise": enterprise, "others": others, "now": clock.now(), **context})


@require_GET
@portal_page
def assets(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    return _page(request, enterprise, "portal/assets.html", rows=queries.own_assets(enterprise=enterprise, now=clock.now()))


@require_GET
@portal_page
def events(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    return _page(request, enterprise, "portal/events.html", rows=queries.own_events(enterprise=enterprise))


@require_GET
@portal_page
def statements(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    return _page(request, enterprise, "portal/statements.html", rows=queries.own_statements(enterprise=enterprise))


@require_GET
@portal_page
def statement(request: HttpRequest, enterprise: Enterprise, public_id: str) -> HttpResponse:
    found = queries.own_statement(enterprise=enterprise, public_id=public_id)
    if found is None:
        raise Http404
    return _page(request, enterprise, "portal/statement.html", statement=found, lines=found.lines.all())


@require_GET
@portal_page
def statement_csv(request: HttpRequest, enterprise: Enterprise, public_id: str) -> HttpResponse:
    """The statement's lines as CSV (UTF-8 with BOM, so that spreadsheets read Chinese)."""
    found = queries.own_statement(enterprise=enterprise, public_id=public_id)
    if found is None:
        raise Http404
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="statement-{found.run.delivery_day}-v{found.run.version}.csv"'
    rows = csv.writer(answer)
    rows.writerow(["number", "component", "quantity_kwh", "gross_fen", "operator_fen", "amount_fen", "correction_of_version", "reason"])
    for line in found.lines.all():
        cells = [line.number, component_text(line.component), line.quantity_kwh, line.gross_fen, line.operator_fen, line.amount_fen]
        rows.writerow([safe_cell(cell) for cell in [*cells, line.correction_of_version or "", line.reason]])
    rows.writerow(["", "total", "", "", "", found.total_fen, "", ""])
    return answer


@require_GET
@portal_page
def green(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    days = queries.settled_days(enterprise=enterprise)
    wanted = request.GET.get("day")
    day = next((d for d in days if d.isoformat() == wanted), days[0] if days else None)
    share = queries.own_green(enterprise=enterprise, day=day) if day else None
    return _page(request, enterprise, "portal/green.html", days=days, day=day, share=share, rows=queries.green_rows(share))

"""Forecasts: one issue of one day against what was measured, how good forecasts were, and what they are made of."""

from datetime import date, datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from aggregator.assets.domain import KINDS
from aggregator.assets.models import Asset
from aggregator.assets.queries import PortfolioFacts, members_on, portfolios
from aggregator.enterprises.models import Enterprise
from aggregator.forecasts.queries import RunFacts, lead_errors, newest_run, qualities, reliability, scored_runs
from aggregator.kernel.periods import Grid, day_of
from aggregator.support import clock
from vpp.charting import wall
from vpp.last_data import heard
from vpp.staff.access import chosen_portfolio, staff_page
from vpp.staff.forecast_accuracy import WHOLE, accuracy_json, kind_rows, lead_names, lead_rows
from vpp.staff.forecast_known import first_shown, forecast_day, known_then, runs_on
from vpp.staff.forecast_picture import ForecastPicture, asset_picture, portfolio_picture
from vpp.staff.forecast_quality import MARKS, QualityRow, quality_rows, window_of
from vpp.staff.forecast_words import accuracy_words, forecast_words
from vpp.staff.page import page
from vpp.tables import EXPORT_ROWS, PAGE_ROWS, Choice, Listing, csv_answer, equal
from vpp.templatetags.vpp import kind_text, lead_text, own_name, scored_text

CHUNK = 200


def asked_day(request: HttpRequest) -> date | None:
    wanted = request.GET.get("day")
    try:
        return date.fromisoformat(wanted) if wanted else None
    except ValueError as problem:
        raise Http404 from problem


def asked_run(request: HttpRequest, runs: list[RunFacts], day: date) -> RunFacts | None:
    """?run=<public id> of these, else the first to show: an issue of another day is no issue of this one."""
    wanted = request.GET.get("run")
    return next((run for run in runs if str(run.public_id) == wanted), None) or first_shown(runs, day)


def forecast_csv(picture: ForecastPicture, day: date) -> HttpResponse:
    columns = picture.columns
    rows = ([wall(at), *(values[k] for values in columns.values()), int(picture.moved[k])] for k, at in enumerate(picture.grid.starts))
    return csv_answer(f"forecast-{day}", ["starts_at", *columns, "moved_assets"], rows)


@require_GET
@staff_page()
def forecast_page(request: HttpRequest) -> HttpResponse:
    portfolio, now = chosen_portfolio(request), clock.now()
    mine = [portfolio.id] if portfolio else []
    days = forecast_day(wanted=asked_day(request), portfolio_ids=mine, now=now)
    runs = runs_on(portfolio_ids=mine, day=days.day, now=now)
    run = asked_run(request, runs, days.day)
    shown: dict[str, Any] = {"portfolios": portfolios(), "days": days, "runs": runs, "run": run}
    if portfolio is None or run is None:
        return page(request, "staff/forecasts.html", portfolio=portfolio, **shown)
    said = qualities(run_id=run.id)
    assets = list(Asset.objects.filter(pk__in=[pk for pk in said if pk is not None]).select_related("site__enterprise").order_by("code"))
    asset = _asked_asset(request, assets)
    if asset is None:
        summed = [one.pk for one in assets if said[one.pk][0] != "missing"]
        picture = portfolio_picture(run=run, day=days.day, asset_ids=summed, now=now)
        known = known_then(run=run, park_id=portfolio.park_id, day=days.day, asset_ids=[one.pk for one in assets])
    else:
        picture = asset_picture(run=run, day=days.day, asset_id=asset.pk, now=now)
        known = known_then(run=run, park_id=portfolio.park_id, day=days.day, asset_ids=[asset.pk], codes=[asset.code])
    if request.GET.get("format") == "csv":
        return forecast_csv(picture, days.day)
    shown |= {"assets": assets, "asset": asset, "picture": picture, "known": known, "rows": picture.rows()}
    shown |= {"curves": picture.as_json(now=now), "words": forecast_words()}
    return page(request, "staff/forecasts.html", portfolio=portfolio, **shown)


def _asked_asset(request: HttpRequest, assets: list[Asset]) -> Asset | None:
    """?asset=<public id> of the run's, else None: the portfolio."""
    wanted = request.GET.get("asset")
    return next((asset for asset in assets if str(asset.public_id) == wanted), None)


@require_GET
@staff_page()
def forecast_accuracy(request: HttpRequest) -> HttpResponse:
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return page(request, "staff/forecast_accuracy.html", portfolio=None)
    runs = scored_runs(portfolio_id=portfolio.id, known_at=now)
    kinds = kind_rows(runs)
    names = [row.kind for row in kinds]
    kind = request.GET.get("kind") or next(iter(names), WHOLE)
    if names and kind not in names:
        raise Http404
    if request.GET.get("format") == "csv":
        header = ("kind", "nmae_ratio", "nmae_persistence_ratio", "coverage_p10_p90_ratio", "reason")
        rows = (
            [wall(run.starts_at), wall(run.issued_at), k, *(getattr(s, n) for n in header)] for run in runs for k, s in run.scores.items()
        )
        return csv_answer("forecast-scores", ["starts_at", "issued_at", "kind", *header], rows)
    calibrated = reliability(portfolio_id=portfolio.id, known_at=now)
    errors = lead_errors(portfolio_id=portfolio.id, known_at=now)
    leads = lead_rows(errors)
    words = {"kinds": {code: kind_text(code) for code in KINDS}, "leads": {name: lead_text(name) for name in lead_names()}}
    return page(
        request,
        "staff/forecast_accuracy.html",
        portfolio=portfolio,
        runs=runs,
        kinds=kinds,
        kind=kind,
        kind_name=scored_text(kind),
        scored=[(run, run.scores[kind]) for run in runs if kind in run.scores],
        calibrated=calibrated,
        curves=sorted(calibrated.kinds.items()) if calibrated else [],
        errors=errors,
        leads=leads,
        lead_names=lead_names(),
        figures=accuracy_json(runs, kind, calibrated, leads, words=words),
        words=accuracy_words(),
    )


@require_GET
@staff_page()
def forecast_quality(request: HttpRequest) -> HttpResponse:
    portfolio, now = chosen_portfolio(request), clock.now()
    if portfolio is None:
        return page(request, "staff/forecast_quality.html", portfolio=None)
    members = members_on(portfolio_id=portfolio.id, day=day_of(now))
    rows = Asset.objects.filter(pk__in=[member.asset_id for member in members]).select_related("site__enterprise")
    filters = []
    for choice in _quality_choices(portfolio):
        asked = request.GET.get(choice.name, "")
        chosen = asked if asked in {code for code, _name in choice.options} else ""
        filters.append((choice, chosen))
        rows = choice.narrow(rows, chosen) if chosen else rows
    run = newest_run(portfolio_ids=[portfolio.id], known_at=now)
    seen = heard(asset_ids=list(rows.values_list("pk", flat=True)), now=now)
    at = seen.at if seen.last_day is None else max(row.ends_at for row in seen.rows.values())
    grid = window_of(at=at, resolution=timedelta(seconds=portfolio.resolution_s))
    if request.GET.get("format") == "csv":
        return _quality_csv(rows, grid, run, now)
    found = Listing(Paginator(rows.order_by("code", "pk"), PAGE_ROWS).get_page(request.GET.get("page")), filters)
    shown = quality_rows(assets=list(found.page), grid=grid, run=run, now=now)
    times: dict[str, Any] = {"grid": grid, "at": at, "last_day": seen.last_day}
    return page(request, "staff/forecast_quality.html", portfolio=portfolio, list=found, rows=shown, run=run, **times)


def _quality_choices(portfolio: PortfolioFacts) -> list[Choice]:
    enterprises = Enterprise.objects.filter(park_id=portfolio.park_id).order_by("code")
    return [
        Choice("enterprise", _("Enterprise"), tuple((one.code, own_name(one)) for one in enterprises), equal("site__enterprise__code")),
        Choice("kind", _("Kind"), tuple((code, kind_text(code)) for code in KINDS), equal("kind")),
    ]


def _quality_csv(rows: QuerySet[Asset], grid: Grid, run: RunFacts | None, now: datetime) -> HttpResponse:
    header = ("asset", "completeness_ratio", *MARKS, "folded_values", "intervened_ratio", "newest_at", "forecast", "movable", "notes")
    every = list(rows.order_by("code", "pk")[:EXPORT_ROWS])
    made = (row for k in range(0, len(every), CHUNK) for row in quality_rows(assets=every[k : k + CHUNK], grid=grid, run=run, now=now))
    return csv_answer("data-quality", header, (_quality_cells(row) for row in made))


def _quality_cells(row: QualityRow) -> list[Any]:
    marks = [row.marks[name] for name in MARKS]
    newest = wall(row.newest_at) if row.newest_at else None
    tail = [newest, row.forecast, row.movable, " ".join(row.notes)]
    return [row.asset.code, row.completeness_ratio, *marks, row.n_folded, row.intervened_ratio, *tail]

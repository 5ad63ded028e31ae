"""A fingerprint of everything that a backtest reads: where it is the same, finished days still hold."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Max

from aggregator.assets.models import Asset, Commitment, PortfolioMember
from aggregator.forecasts.domain import HISTORY_DAYS, MODEL_VERSION
from aggregator.forecasts.models import WeatherForecast
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import midnight
from aggregator.telemetry.models import ChargingSession, TelemetryDay, TelemetrySample
from vpp.backtest.issues import issues_of
from vpp.backtest.plan import DAY, Plan

BEFORE = (HISTORY_DAYS + 4) * DAY  # the first delivery day: history that the first issue learns from
AFTER = 9 * DAY  # the last delivery day: weather forecasts of the week ahead


def fingerprint_of(plan: Plan) -> str:
    """Park, range, model version, times of issue, members and their specs, and all stored rows that are looked at.

    Samples that are not folded yet are known by their number and the newest of them.
    """
    starts_at, ends_at = midnight(plan.first - BEFORE, tz=plan.tz), midnight(plan.last + DAY, tz=plan.tz)
    inside = {"portfolio_id__in": [one.id for one in plan.portfolios]}
    ids = sorted(set(PortfolioMember.objects.filter(**inside).values_list("asset_id", flat=True)))
    members = PortfolioMember.objects.filter(**inside).order_by("portfolio_id", "asset_id", "valid_from")
    telemetry = TelemetryDay.objects.filter(asset_id__in=ids, starts_at__gte=starts_at - DAY, starts_at__lt=ends_at)
    hot = TelemetrySample.objects.filter(asset_id__in=ids, at__gte=starts_at - timedelta(hours=1), at__lt=ends_at)
    sessions = ChargingSession.objects.filter(asset_id__in=ids, plugged_in_at__lt=ends_at).exclude(plugged_out_at__lt=starts_at)
    commitments = Commitment.objects.filter(asset_id__in=ids, starts_at__lt=ends_at, ends_at__gt=starts_at)
    weather = WeatherForecast.objects.filter(park_id=plan.park.id, day__gte=plan.first - BEFORE, day__lte=plan.last + AFTER)
    names = ("plugged_in_at", "plugged_out_at", "energy_kwh", "need_kwh", "available_at")
    return fingerprint(
        {
            "park": [plan.park.code, plan.park.latitude, plan.park.longitude, plan.park.time_zone],
            "range": [plan.first, plan.last, plan.kind],
            "model": MODEL_VERSION,
            "issues": [[issue.issued_at, issue.grid, *issue.periods] for day in plan.issue_days for issue in issues_of(plan, day)],
            "members": [list(row) for row in members.values_list("portfolio_id", "asset_id", "valid_from", "valid_to")],
            "assets": [list(row) for row in Asset.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "kind", "spec")],
            "telemetry": _digest(
                telemetry.order_by("asset_id", "day", "series").values_list(
                    "asset_id", "series", "starts_at", "resolution_s", "values", "quality", "available_at"
                )
            ),
            "samples": list(hot.aggregate(Count("asset_id"), Max("at"), Max("received_at")).values()),
            "sessions": _digest(sessions.order_by("asset_id", "session_key").values_list("asset_id", "session_key", *names)),
            "commitments": _digest(
                commitments.order_by("asset_id", "starts_at", "kind", "pk").values_list(
                    "asset_id", "kind", "starts_at", "ends_at", "available_at", "reference", "up_kw", "down_kw", "lasting_hours"
                )
            ),
            "weather": _digest(
                weather.order_by("asset_id", "day", "available_at").values_list(
                    "asset_id", "day", "available_at", "resolution_s", "columns", "values"
                )
            ),
        }
    )


def _digest(rows: Iterable[tuple]) -> str:
    found = hashlib.sha256()
    for row in rows.iterator() if hasattr(rows, "iterator") else rows:
        found.update(repr([bytes(part) if isinstance(part, (bytes, memoryview)) else part for part in row]).encode())
    return found.hexdigest()

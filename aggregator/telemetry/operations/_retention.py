"""The hot table stays small: coming days get a partition, old days are folded and dropped."""

from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from aggregator.telemetry import partitions
from aggregator.telemetry.models import TelemetrySample
from aggregator.telemetry.operations._fold import fold_day

HOT_DAYS = 14
AHEAD_DAYS = 2


def prepare_partitions(*, now: datetime) -> list[date]:
    """Partitions for yesterday, today and the coming days. Returns those that were made."""
    today = now.astimezone(UTC).date()
    return partitions.ensure_partitions(days=[today + timedelta(days=k) for k in range(-1, AHEAD_DAYS + 1)])


def drop_old(*, now: datetime) -> list[date]:
    """Fold and drop every day in UTC that ended more than HOT_DAYS ago. Returns the days that were dropped."""
    before = now.astimezone(UTC).date() - timedelta(days=HOT_DAYS)
    if partitions.exist():
        old = [day for day in partitions.existing_days() if day < before]
    else:
        first = TelemetrySample.objects.filter(at__lt=partitions.bounds(before)[0]).order_by("at").values_list("at", flat=True).first()
        start = first.astimezone(UTC).date() if first else before
        old = [start + timedelta(days=k) for k in range((before - start).days)]
    for day in old:
        _drop(day)
    return old


def _drop(day: date) -> None:
    """Nobody writes into the day between folding and dropping it, so no acknowledged sample is lost."""
    if partitions.exist():
        with partitions.closed(day=day):
            _fold(day)
            partitions.drop(day=day)
    else:
        with transaction.atomic():
            _fold(day).delete()


def _fold(day: date) -> QuerySet[TelemetrySample]:
    starts_at, ends_at = partitions.bounds(day)
    samples = TelemetrySample.objects.filter(at__gte=starts_at, at__lt=ends_at)
    asset_ids = set(samples.values_list("asset_id", flat=True).distinct())
    for local in (day - timedelta(days=1), day, day + timedelta(days=1)):  # a day in UTC touches two local days, east or west
        fold_day(day=local, asset_ids=asset_ids)
    return samples

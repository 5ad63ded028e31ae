"""Which moment a page with live values is about: now, or the last one of which anything is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from aggregator.kernel.periods import day_of
from aggregator.telemetry.models import TelemetryDay
from aggregator.telemetry.queries import Latest, latest

OLD = timedelta(days=1)
STALE = timedelta(minutes=20)


@dataclass(frozen=True)
class Heard:
    """`at`: the moment that the page shows; `last_day`: its day where that is not now, because all data is older than a day."""

    at: datetime
    last_day: date | None
    rows: dict[int, Latest]

    def stale(self, asset_id: int) -> bool:
        """What was heard of the asset is too old for the moment that is shown."""
        return asset_id in self.rows and self.at - self.rows[asset_id].at > STALE


def heard(*, asset_ids: Sequence[int], now: datetime) -> Heard:
    """The newest sample of each asset, and the moment that they tell about."""
    rows = latest(asset_ids=asset_ids, at=now)
    if not rows:
        folded = TelemetryDay.objects.filter(asset_id__in=asset_ids, starts_at__lt=now, available_at__lte=now)
        newest_day = folded.order_by("-starts_at").values_list("starts_at", flat=True).first()
        if newest_day is not None:
            rows = latest(asset_ids=asset_ids, at=now, lookback=now - newest_day.astimezone(UTC) + OLD)
    newest = max((row.at for row in rows.values()), default=None)
    if newest is None or now - newest <= OLD:
        return Heard(now, None, rows)
    return Heard(newest, day_of(newest), rows)

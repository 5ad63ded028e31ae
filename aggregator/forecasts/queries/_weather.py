"""Weather as it was known."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from django.db.models import Q

from aggregator.forecasts.domain import WeatherDay
from aggregator.forecasts.models import WeatherForecast
from aggregator.support.arrays import unpack_f4


@dataclass(frozen=True)
class WeatherIssue:
    """One weather forecast of a day: who made it and when it was there; `n_assets`: own forecasts of single assets, 0 = the park's."""

    source: str
    available_at: datetime
    n_assets: int


def weather(
    *, park_id: int, asset_ids: Collection[int], first_day: date, last_day: date, known_at: datetime
) -> dict[int | None, list[WeatherDay]]:
    """All issues known at `known_at` for local days first_day..last_day: of the park (None) and of assets."""
    rows = WeatherForecast.objects.filter(park_id=park_id, day__gte=first_day, day__lte=last_day, available_at__lte=known_at)
    found: dict[int | None, list[WeatherDay]] = {}
    wanted = set(asset_ids)
    for row in rows.order_by("day", "available_at").iterator():
        if row.asset_id is not None and row.asset_id not in wanted:
            continue
        blocks = np.split(unpack_f4(row.values), len(row.columns))
        found.setdefault(row.asset_id, []).append(WeatherDay(row.day, row.available_at, dict(zip(row.columns, blocks, strict=True))))
    return found


def weather_issues(*, park_id: int, asset_ids: Collection[int], day: date, known_at: datetime) -> list[WeatherIssue]:
    """The newest known at `known_at` for this local day: of the park, then of these assets, those of one issue together."""
    ours = Q(asset_id=None) | Q(asset_id__in=asset_ids)
    rows = WeatherForecast.objects.filter(ours, park_id=park_id, day=day, available_at__lte=known_at).order_by("available_at")
    newest = {asset_id: (source, at) for asset_id, source, at in rows.values_list("asset_id", "source", "available_at")}
    found = [WeatherIssue(*newest.pop(None), 0)] if None in newest else []
    single = sorted(set(newest.values()))
    return found + [WeatherIssue(*one, sum(other == one for other in newest.values())) for one in single]

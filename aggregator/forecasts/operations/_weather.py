from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from aggregator.enterprises.models import Park
from aggregator.forecasts.domain import WEATHER_COLUMNS, by_day
from aggregator.forecasts.models import WeatherForecast
from aggregator.forecasts.operations._engines import forget_learned
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid, as_utc, midnight
from aggregator.support.arrays import pack_f4

BATCH = 500


class UnknownWeather(Anticipated):
    code = "forecasts.unknown_weather"
    text = "The weather columns %(names)s are not known; known are: %(known)s."


class WeatherShape(Anticipated):
    code = "forecasts.weather_shape"
    text = "The weather column %(name)s has %(got)s values where the grid has %(wanted)s periods."


def import_weather(
    *, park_id: int, asset_id: int | None, grid: Grid, columns: dict[str, np.ndarray], available_at: datetime | timedelta, source: str
) -> int:
    """Keep a weather forecast, one row per local day; the number of new rows (0 when repeated).

    available_at: when it was published; or a timedelta, for archives that only say how long before each
    local day's start its values were there. A day is only used by runs issued after that.
    Raises UnknownWeather, WeatherShape.
    """
    unknown = sorted(set(columns) - set(WEATHER_COLUMNS))
    if unknown or not columns:
        raise UnknownWeather(names=", ".join(unknown) or "-", known=", ".join(WEATHER_COLUMNS))
    for name, values in sorted(columns.items()):
        if np.shape(values) != (len(grid),):
            raise WeatherShape(name=name, got=np.size(values), wanted=len(grid))
    park = Park.objects.get(pk=park_id)
    tz = ZoneInfo(park.time_zone)
    names = sorted(columns)
    rows = [
        WeatherForecast(
            park=park,
            asset_id=asset_id,
            day=day,
            available_at=midnight(day, tz=tz) - available_at if isinstance(available_at, timedelta) else as_utc(available_at),
            resolution_s=int(grid.resolution.total_seconds()),
            columns=names,
            values=pack_f4(np.concatenate([values[name] for name in names])),
            source=source,
        )
        for day, values in by_day(grid=grid, columns=columns, tz=tz).items()
        if any(np.isfinite(values[name]).any() for name in names)
    ]
    with transaction.atomic():
        of_ours = WeatherForecast.objects.filter(park=park, asset_id=asset_id)
        before = of_ours.count()
        WeatherForecast.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BATCH)
        new = of_ours.count() - before
        if new:
            forget_learned(park_id=park.pk, since=min(row.day for row in rows))
        return new

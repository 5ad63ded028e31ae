"""Published prices as they were known at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db.models import QuerySet

from aggregator.support.arrays import unpack_i8
from market.prices.domain import cny_per_mwh, decimals
from market.prices.models import PriceCurve


@dataclass(frozen=True)
class PriceDay:
    """One day's prices [CNY/MWh]; None and NaN = missing. Zero and negative are prices."""

    decimals: list[Decimal | None]
    cny_per_mwh: np.ndarray
    resolution: timedelta
    revision: int
    source: str
    synthetic: bool
    available_at: datetime


def curve(*, park_id: int, market: str, day: date, known_at: datetime) -> PriceDay | None:
    """The latest revision that was available at `known_at`, or None."""
    row = _known(park_id, market, [day], known_at).last()
    if row is None:
        return None
    counts = unpack_i8(row.prices)
    return PriceDay(
        decimals=decimals(counts),
        cny_per_mwh=cny_per_mwh(counts),
        resolution=timedelta(seconds=row.resolution_s),
        revision=row.revision,
        source=row.source,
        synthetic=row.synthetic,
        available_at=row.available_at,
    )


def history(*, park_id: int, market: str, days: Collection[date], known_at: datetime) -> dict[date, np.ndarray]:
    """Prices [CNY/MWh], NaN missing, of those `days` that have a curve known at `known_at`, in day order."""
    rows = _known(park_id, market, days, known_at)
    return {row.day: cny_per_mwh(unpack_i8(row.prices)) for row in rows}  # a later revision replaces an earlier one


def _known(park_id: int, market: str, days: Collection[date], known_at: datetime) -> QuerySet[PriceCurve]:
    return PriceCurve.objects.filter(park_id=park_id, market=market, day__in=list(days), available_at__lte=known_at).order_by(
        "day", "revision"
    )

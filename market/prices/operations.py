"""Keep published prices; a correction is the next revision, never an edit."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from aggregator.kernel.errors import Anticipated
from aggregator.support.alarms import raise_alarm
from aggregator.support.arrays import pack_i8
from market.prices.domain import check_length, from_message, steps
from market.prices.models import MARKETS, PriceCurve


class MarketUnknown(Anticipated):
    code = "prices.market_unknown"
    text = "There is no market %(market)s; prices are day_ahead or real_time."
    status = 422


class PricesContended(Anticipated):
    code = "prices.contended"
    text = "Another revision of these prices is being written."
    status = 409


def record_prices(
    *,
    park_id: int,
    market: str,
    day: date,
    resolution: timedelta,
    prices: Sequence[Decimal | None],
    available_at: datetime,
    source: str,
    synthetic: bool,
) -> PriceCurve:
    """Keep one day's prices [CNY/MWh]. The same prices again change nothing; others are the next revision.

    Raises MarketUnknown, PricesMalformed, PricesContended.
    """
    if market not in MARKETS:
        raise MarketUnknown(market=market)
    check_length(day=day, resolution=resolution, n_prices=len(prices))
    packed = pack_i8(steps(prices))
    seconds = int(resolution.total_seconds())
    last = PriceCurve.objects.filter(park_id=park_id, market=market, day=day).order_by("-revision").first()
    if last is not None and (bytes(last.prices), last.resolution_s, last.source, last.synthetic) == (packed, seconds, source, synthetic):
        return last
    try:
        with transaction.atomic():
            return PriceCurve.objects.create(
                park_id=park_id,
                market=market,
                day=day,
                revision=last.revision + 1 if last else 1,
                resolution_s=seconds,
                prices=packed,
                source=source,
                synthetic=synthetic,
                available_at=available_at,
            )
    except IntegrityError:
        raise PricesContended() from None


def record_published(*, park_id: int, data: dict[str, Any], available_at: datetime) -> PriceCurve:
    """Keep the prices of a `price.published` message; a changed publication is kept with an alarm.

    Raises PricesMalformed and what record_prices raises.
    """
    published = from_message(data)
    curve = record_prices(
        park_id=park_id,
        market=published.market,
        day=published.day,
        resolution=published.resolution,
        prices=published.prices,
        available_at=available_at,
        source=published.source,
        synthetic=published.synthetic,
    )
    if curve.revision > 1:
        key = f"{park_id}/{curve.market}/{curve.day}/{curve.revision}"
        raise_alarm(kind="price.revised", key=key, severity="warning", at=available_at, market=curve.market, day=curve.day.isoformat())
    return curve

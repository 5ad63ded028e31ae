"""Prices that a platform publishes."""

from datetime import datetime
from typing import Any

from market.platforms.operations import routed
from market.platforms.queries import MessageData
from market.prices import operations


@routed("market.prices.record_price_message")
def record_price_message(message: MessageData, *, now: datetime) -> dict[str, Any]:
    curve = operations.record_published(park_id=message.park_id, data=message.data, available_at=message.received_at)
    return {"curve": curve.pk, "revision": curve.revision}

"""One signed POST to a platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator.kernel import signing
from aggregator.support import http


@dataclass(frozen=True)
class Endpoint:
    """Where and how to send; `secrets` newest first (two while one is being replaced)."""

    url: str
    loopback_exception: str
    secrets: Sequence[str]


def deliver(*, endpoint: Endpoint, message_id: str, body: bytes, wall: datetime) -> http.Answer:
    """Send the stored bytes, signed with the time of this attempt. Never raises for the other side."""
    timestamp = int(wall.timestamp())
    signatures = [signing.sign(secret=secret, message_id=message_id, timestamp=timestamp, body=body) for secret in endpoint.secrets]
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}
    return http.post(url=endpoint.url, body=body, headers=headers, loopback_exception=endpoint.loopback_exception)

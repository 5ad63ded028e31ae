"""Setpoints to a gateway: one signed POST. Retries are the caller's rows."""

from dataclasses import dataclass
from datetime import datetime

from aggregator.gateways.domain import GatewayFacts
from aggregator.kernel.signing import sign
from aggregator.support import http
from aggregator.support.secrets import unseal

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Sent:
    """`status` None = nobody answered; `text` is the answer, or why there is none."""

    status: int | None
    ok: bool
    text: str


def send_setpoints(*, gateway: GatewayFacts, message_id: str, body: bytes, wall: datetime) -> Sent:
    """POST `body` (application/json) with Standard Webhooks headers. `wall` is the real time of this attempt."""
    if not gateway.endpoint_url or not gateway.sealed_secret:
        return Sent(status=None, ok=False, text="the gateway has no endpoint or no credentials")
    timestamp = int(wall.timestamp())
    signature = sign(secret=unseal(gateway.sealed_secret), message_id=message_id, timestamp=timestamp, body=body)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    answer = http.post(
        url=gateway.endpoint_url, body=body, headers=headers, loopback_exception=gateway.loopback_exception, timeout_s=TIMEOUT_S
    )
    return Sent(status=answer.status, ok=answer.ok, text=answer.text or answer.error)

"""Standard Webhooks 1.0 signatures: HMAC-SHA256 over `id.timestamp.body`, both ways."""

import base64
import binascii
import hashlib
import hmac
import secrets as entropy
from collections.abc import Sequence

from aggregator.kernel.errors import Anticipated

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_S = 300


class SignatureRefused(Anticipated):
    """Deliberately without fields: a forger learns nothing from the answer."""

    code = "signature.refused"
    text = "The signature is not valid."
    status = 401


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and the base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(entropy.token_bytes(SECRET_BYTES)).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as problem:
        raise ValueError("a signing secret is whsec_ and base64") from problem
    if not key:
        raise ValueError("a signing secret may not be empty")
    return key


def sign(*, secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` for one secret: `v1,<base64>`.

    `timestamp` is Unix time [s] of this attempt, an integer so that no zone can shift it.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def verify(
    *,
    secrets: Sequence[str],
    message_id: str,
    timestamp: str,
    signature: str,
    body: bytes,
    now: int,
    tolerance_s: int = TOLERANCE_S,
) -> None:
    """Accept `body` if any v1 signature in the header fits any live secret and the time is fresh.

    `timestamp` is the header's text, `now` Unix time [s]. Raises SignatureRefused.
    """
    # A dot in the id would let bytes move between id, timestamp and body under one signature.
    if not message_id or "." in message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureRefused()
    if abs(now - int(timestamp)) > tolerance_s:
        raise SignatureRefused()
    expected = [sign(secret=secret, message_id=message_id, timestamp=int(timestamp), body=body).encode() for secret in secrets]
    offered = [part.encode() for part in signature.split(" ")]
    if not any(hmac.compare_digest(mine, theirs) for mine in expected for theirs in offered):
        raise SignatureRefused()

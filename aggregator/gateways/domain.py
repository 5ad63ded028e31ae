"""Keys of gateways, and what a gateway may send: pure checks of headers and bodies."""

import hashlib
import hmac
import secrets as entropy
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from aggregator.kernel.errors import Anticipated

KEY_LABEL = "vppgw"
PREFIX_BYTES = 6
SECRET_BYTES = 32
MAX_BODY_BYTES = 8 * 1024 * 1024


class KeyRefused(Anticipated):
    """Deliberately without fields: a stranger learns nothing from the answer."""

    code = "gateways.key_refused"
    text = "A valid gateway key is required: Authorization: Bearer <api key>."
    status = 401


class BodyTooLarge(Anticipated):
    code = "gateways.body_too_large"
    text = "The body is larger than %(limit_mib)s MiB after decompression."
    status = 413


class MediaRefused(Anticipated):
    code = "gateways.media_refused"
    text = "Send application/json, plain or with Content-Encoding: gzip."
    status = 415


class BodyRefused(Anticipated):
    code = "gateways.body_refused"
    text = "The body is not valid: %(why)s."
    status = 400


@dataclass(frozen=True)
class ApiKey:
    """A fresh key: `prefix` finds the row, `sha256` proves the key, `text` is shown once."""

    text: str
    prefix: str
    sha256: str


@dataclass(frozen=True)
class GatewayFacts:
    """`sealed_secret` signs what we send (support.secrets opens it); "" = no credentials issued yet."""

    id: int
    public_id: UUID
    code: str
    site_id: int
    enterprise_code: str
    endpoint_url: str
    loopback_exception: str
    last_seen_at: datetime | None = None
    sealed_secret: str = field(default="", repr=False)


def digest(key: str) -> str:
    """SHA-256 hex of the whole key (it has 256 random bits, so no slow hash is needed)."""
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> ApiKey:
    prefix = entropy.token_hex(PREFIX_BYTES)
    text = f"{KEY_LABEL}_{prefix}_{entropy.token_urlsafe(SECRET_BYTES)}"
    return ApiKey(text=text, prefix=prefix, sha256=digest(text))


def prefix_of(key: str) -> str:
    """The part that finds the row, or "" for a text that is no key."""
    label, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    return prefix if label == KEY_LABEL and secret and len(prefix) == 2 * PREFIX_BYTES else ""


def fits(*, key: str, sha256: str) -> bool:
    """Whether `key` is the one whose digest is stored; the comparison takes the same time for any key."""
    return bool(sha256) and hmac.compare_digest(digest(key), sha256)


def bearer(authorization: str) -> str:
    """The key in an Authorization header, or ""."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.isascii() else ""


def read_json(*, body: bytes, content_type: str, content_encoding: str) -> dict[str, Any]:
    """The JSON object in a request body of at most MAX_BODY_BYTES, counted after decompression.

    Raises MediaRefused, BodyTooLarge, BodyRefused. A compressed bomb is never expanded beyond the limit.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise MediaRefused()
    encoding = content_encoding.strip().lower()
    if encoding == "gzip":
        body = _gunzip(body)
    elif encoding not in ("", "identity"):
        raise MediaRefused()
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_mib=MAX_BODY_BYTES >> 20)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise BodyRefused(why=str(problem)) from problem
    if not isinstance(data, dict):
        raise BodyRefused(why="an object is expected")
    return data


def _gunzip(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        data = unpacker.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as problem:
        raise BodyRefused(why="it is not gzip") from problem
    if len(data) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_mib=MAX_BODY_BYTES >> 20)
    if not unpacker.eof:
        raise BodyRefused(why="the gzip stream is cut off")
    return data

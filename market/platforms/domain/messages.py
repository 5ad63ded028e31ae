"""The body `{"type", "timestamp", "data"}`: written once, parsed strictly."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import as_utc

MAX_BODY_BYTES = 256 * 1024
MESSAGE_ID = re.compile(r"[A-Za-z0-9_:\-]{1,120}")
TYPE = re.compile(r"[A-Za-z0-9_.\-]{1,60}")
# Everything else that a peer sends may hold a credential.
SHOWN_HEADERS = ("content-length", "content-type", "user-agent", "webhook-id", "webhook-timestamp")


class MessageTooLarge(Anticipated):
    code = "message.too_large"
    text = "The message has more than %(limit)s bytes."
    status = 413


class MessageMalformed(Anticipated):
    code = "message.malformed"
    text = "The message cannot be read: %(why)s."
    status = 400


@dataclass(frozen=True)
class Envelope:
    type: str
    timestamp: datetime
    data: dict[str, Any]


def check_message_id(message_id: str) -> None:
    """Raises MessageMalformed for an identity that we would not keep as it is."""
    if not MESSAGE_ID.fullmatch(message_id):
        raise MessageMalformed(why="webhook-id is not 1 to 120 letters, digits, - _ :")


def parse(body: bytes) -> Envelope:
    """The body as facts. NaN, bad UTF-8, a naive time or a missing part is refused.

    Raises MessageMalformed.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise MessageMalformed(why="it is not JSON") from problem
    if not isinstance(content, dict):
        raise MessageMalformed(why="it is not an object")
    kind, stamp, data = content.get("type"), content.get("timestamp"), content.get("data")
    if not isinstance(kind, str) or not TYPE.fullmatch(kind):
        raise MessageMalformed(why="type is missing or not a name")
    if not isinstance(data, dict):
        raise MessageMalformed(why="data is not an object")
    try:
        timestamp = as_utc(datetime.fromisoformat(stamp if isinstance(stamp, str) else ""))
    except (ValueError, OverflowError, Anticipated) as problem:
        raise MessageMalformed(why="timestamp is not an RFC 3339 time with offset") from problem
    return Envelope(type=kind, timestamp=timestamp, data=data)


def serialise(*, type: str, timestamp: datetime, data: Mapping[str, Any]) -> bytes:
    """The bytes that are stored, signed and sent. Raises MessageTooLarge, TypeError for what is not plain JSON."""
    stamp = as_utc(timestamp).isoformat().replace("+00:00", "Z")
    content = {"type": type, "timestamp": stamp, "data": data}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > MAX_BODY_BYTES:
        raise MessageTooLarge(limit=MAX_BODY_BYTES)
    return body


def same_data(body: bytes, data: Mapping[str, Any]) -> bool:
    """Whether a stored body carries this data, whatever its timestamp."""
    return bool(json.loads(body)["data"] == json.loads(json.dumps(data, allow_nan=False)))


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as they may be kept: names in lower case, values only where they hold no secret."""
    return {name.lower(): value if name.lower() in SHOWN_HEADERS else "***" for name, value in sorted(headers.items())}

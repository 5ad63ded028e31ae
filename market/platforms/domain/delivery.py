"""What follows from one delivery attempt: delivered, try again when, give up."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Wait before attempt k + 1, counted from the end of attempt k [s]; after the last one, dead letter.
WAITS_S = (0, 5, 30, 120, 600, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
JITTER = 0.2
RETRY_AFTER_STATUSES = (429, 503)
LONGEST_RETRY_AFTER_S = 3600
GONE = 410

PAUSE_AFTER_FAILURES = 5
PAUSE = timedelta(seconds=60)
STOP_AFTER_FAILURES = 100
STOP_AFTER = timedelta(days=3)
ESCALATE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Verdict:
    """`state` of the message after the attempt; `next_attempt_at` where it is pending."""

    state: str
    next_attempt_at: datetime | None = None
    gone: bool = False


def verdict(*, message_id: str, attempt: int, status: int | None, retry_after: str, at: datetime) -> Verdict:
    """Judge attempt number `attempt` (from 1) that ended `at` (wall time) with HTTP `status` (None = no answer).

    Success is 2xx only: a redirect is a failure. The wait has a jitter of 20 % that the message's
    identity decides, so that a test or a second worker gets the same one.
    """
    if status is not None and 200 <= status < 300:
        return Verdict("delivered")
    if status == GONE:
        return Verdict("dead", gone=True)
    if attempt >= len(WAITS_S):
        return Verdict("dead")
    wait_s = WAITS_S[attempt] * _jitter(message_id, attempt)
    if status in RETRY_AFTER_STATUSES:
        wait_s = max(wait_s, retry_after_s(retry_after, at=at))
    return Verdict("pending", at + timedelta(seconds=wait_s))


def _jitter(message_id: str, attempt: int) -> float:
    digest = hashlib.sha256(f"{message_id}:{attempt}".encode()).digest()
    unit = int.from_bytes(digest[:8], "big") / 2**64
    return 1 - JITTER + 2 * JITTER * unit


def retry_after_s(text: str, *, at: datetime) -> float:
    """Seconds that Retry-After asks for (a number or an HTTP date), at most one hour; 0 where unreadable."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        wanted = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return 0.0
        wanted = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at).total_seconds()
    return min(max(wanted, 0.0), LONGEST_RETRY_AFTER_S)


def is_stopped(*, failures_in_row: int, failing_since: datetime, at: datetime) -> bool:
    """Whether an endpoint has failed for so long that sending to it stops."""
    return failures_in_row >= STOP_AFTER_FAILURES or (failures_in_row >= PAUSE_AFTER_FAILURES and at - failing_since >= STOP_AFTER)

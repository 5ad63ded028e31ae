"""Messages as bytes and as facts, and the delivery policy. Pure."""

from market.platforms.domain.delivery import Verdict, verdict
from market.platforms.domain.messages import (
    MAX_BODY_BYTES,
    Envelope,
    MessageMalformed,
    MessageTooLarge,
    check_message_id,
    masked,
    parse,
    same_data,
    serialise,
)

__all__ = [
    "MAX_BODY_BYTES",
    "Envelope",
    "MessageMalformed",
    "MessageTooLarge",
    "Verdict",
    "check_message_id",
    "masked",
    "parse",
    "same_data",
    "serialise",
    "verdict",
]

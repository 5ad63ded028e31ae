"""Use cases of the platforms: receive, route, send, deliver, secrets."""

from market.platforms.operations.delivery import deliver_due
from market.platforms.operations.endpoints import (
    Connected,
    PlatformNotRegistered,
    connect_platform,
    issue_secret,
    resume_sending,
    rotate_secret,
)
from market.platforms.operations.inbound import (
    MessageConflict,
    PlatformUnknown,
    Received,
    mark_dead,
    mark_done,
    mark_failed,
    receive,
    reprocess,
    routed,
)
from market.platforms.operations.outbound import ReferenceReused, retry_message, send_message

__all__ = [
    "Connected",
    "MessageConflict",
    "PlatformNotRegistered",
    "PlatformUnknown",
    "Received",
    "ReferenceReused",
    "connect_platform",
    "deliver_due",
    "issue_secret",
    "mark_dead",
    "mark_done",
    "mark_failed",
    "receive",
    "reprocess",
    "resume_sending",
    "retry_message",
    "rotate_secret",
    "routed",
    "send_message",
]

"""Write down what the platform invites to."""

from datetime import datetime

from aggregator.kernel.errors import Anticipated
from aggregator.support.alarms import raise_alarm
from market.bids.domain import InvitationMessage
from market.bids.models import Invitation

FIELDS = ("delivery_day", "direction", "starts_at", "ends_at", "max_kw", "price_cap_cny_per_mwh", "reply_by")


class InvitationContradicts(Anticipated):
    code = "invitation.contradicts"
    text = "The invitation %(reference)s came again with other terms; the first one stands."
    status = 409


def record_invitation(*, platform_id: int, message: InvitationMessage, received_at: datetime) -> int:
    """Keep the invitation; the same one again changes nothing. Returns its id.

    Raises InvitationContradicts (with an alarm) where a known reference comes with other terms.
    """
    terms = {name: getattr(message, name) for name in FIELDS}
    row, created = Invitation.objects.get_or_create(
        platform_id=platform_id, reference=message.reference, defaults={**terms, "available_at": received_at}
    )
    if not created and any(getattr(row, name) != value for name, value in terms.items()):
        key = f"{row.platform_id}/{message.reference}"
        raise_alarm(kind="invitation.contradicts", key=key, severity="warning", at=received_at, reference=message.reference)
        raise InvitationContradicts(reference=message.reference)
    return row.pk

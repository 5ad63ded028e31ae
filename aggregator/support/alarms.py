"""Raise, acknowledge and clear alarms; the same trouble twice is one alarm."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit
from aggregator.support.models import Alarm


class NothingToAcknowledge(Anticipated):
    code = "alarm.nothing_to_acknowledge"
    text = "This alarm is over, or somebody has acknowledged it already."
    status = 409


def raise_alarm(*, kind: str, key: str, severity: str, at: datetime, enterprise_code: str = "", **fields: Any) -> Alarm:
    """One row per (kind, key). `kind` is translated on screen (vpp/texts/codes.py holds the texts).

    Trouble that comes back after it was cleared opens its row again; while open, nothing changes.
    """
    facts = {"severity": severity, "raised_at": at, "fields": fields, "enterprise_code": enterprise_code}
    alarm, created = Alarm.objects.get_or_create(kind=kind, key=key, defaults=facts)
    if not created:
        back = Q(pk=alarm.pk, cleared_at__lt=at)
        if Alarm.objects.filter(back).update(**facts, cleared_at=None, acknowledged_at=None, acknowledged_by=None):
            alarm.refresh_from_db()
    return alarm


def clear_alarm(*, kind: str, key: str, at: datetime) -> None:
    Alarm.objects.filter(kind=kind, key=key, cleared_at=None).update(cleared_at=at)


@transaction.atomic
def acknowledge_alarm(*, alarm_id: int, user: Any, reason_code: str, reason_text: str, now: datetime) -> None:
    """A person has seen an open alarm and says what they make of it.

    Raises NotFound, NothingToAcknowledge, ReasonMissing.
    """
    row = Alarm.objects.filter(pk=alarm_id).first()
    if row is None:
        raise NotFound(what="alarm")
    if not Alarm.objects.filter(pk=alarm_id, acknowledged_at=None, cleared_at=None).update(acknowledged_at=now, acknowledged_by=user):
        raise NothingToAcknowledge()
    audit.record(
        at=now,
        actor=user.get_username(),
        action="alarm.acknowledge",
        subject=f"alarm {row.public_id}",
        reason_code=reason_code,
        reason_text=reason_text,
        data={"kind": row.kind, "key": row.key, "raised_at": row.raised_at.isoformat()},
    )

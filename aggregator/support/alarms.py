"""Raise and clear alarms; the same trouble twice is one alarm."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from aggregator.support.models import Alarm


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

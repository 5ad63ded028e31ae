"""Charging sessions: one row a stay, opened at plug-in, completed at plug-out."""

from collections.abc import Sequence
from datetime import datetime

from aggregator.telemetry.domain import SessionFacts
from aggregator.telemetry.models import ChargingSession

FACTS = ("plugged_in_at", "plugged_out_at", "energy_kwh", "need_kwh", "user_key")


def write_sessions(*, stays: Sequence[tuple[int, Sequence[SessionFacts]]], known_at: datetime | None) -> int:
    """Open or complete sessions of (asset_id, facts). What is not told keeps what was. Returns rows written.

    available_at is the time at which the plug-in became known (None: history, known as it happened);
    readers hide what ended later.
    """
    rows = {(asset_id, fact.session_key): fact for asset_id, facts in stays for fact in facts}
    if not rows:
        return 0
    known = ChargingSession.objects.select_for_update().filter(
        asset_id__in={asset_id for asset_id, _ in rows}, session_key__in={key for _, key in rows}
    )
    stored = {(row.asset_id, row.session_key): row for row in known}
    new, changed = [], []
    for (asset_id, key), fact in rows.items():
        row = stored.get((asset_id, key))
        if row is None:
            told = {name: getattr(fact, name) for name in FACTS}
            new.append(ChargingSession(asset_id=asset_id, session_key=key, available_at=known_at or fact.plugged_in_at, **told))
            continue
        told = {name: value for name in FACTS if (value := getattr(fact, name)) not in (None, "")}
        if any(getattr(row, name) != value for name, value in told.items()):
            for name, value in told.items():
                setattr(row, name, value)
            changed.append(row)
    ChargingSession.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    ChargingSession.objects.bulk_update(changed, FACTS, batch_size=500)
    return len(new) + len(changed)

"""The audit chain: append-only, refused by the database itself, and any tampering by one who gets past that shows."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction

from aggregator.support import audit
from aggregator.support.models import AuditEvent, AuditHead
from vpp import doctor

pytestmark = pytest.mark.django_db
AT = datetime(2025, 6, 23, 1, 2, 3, 456789, tzinfo=UTC)


def note(k=1, **changes):
    given = {"at": AT, "actor": "liu", "action": "stop.activate", "subject": f"asset {k}", "reason_code": "safety", "reason_text": "smoke"}
    return audit.record(**{**given, **changes})


def without_triggers():
    """What somebody with the database owner's rights can do first."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in ("audit_no_update", "audit_no_delete", "audit_head_forward", "audit_head_stays"):
                cursor.execute(f"DROP TRIGGER {name}")
        else:
            for table in ("aggregator_auditevent", "aggregator_audithead"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


@pytest.mark.parametrize(
    "deed",
    [
        lambda: AuditEvent.objects.filter(sequence=2).update(actor="wang"),
        lambda: AuditEvent.objects.filter(sequence=3).delete(),
        lambda: connection.cursor().execute("UPDATE aggregator_auditevent SET reason_text = ''"),
        lambda: connection.cursor().execute("DELETE FROM aggregator_auditevent WHERE sequence = 1"),
        lambda: AuditHead.objects.update(sequence=2),
        lambda: AuditHead.objects.all().delete(),
    ],
)
def test_the_database_refuses_to_edit_or_remove_an_event(deed):
    for k in range(3):
        note(k)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        deed()
    assert audit.first_broken() is None


def test_cutting_off_the_newest_events_is_found_and_stays_found():
    for k in range(4):
        note(k)
    without_triggers()
    AuditEvent.objects.filter(sequence__gt=2).delete()
    assert audit.first_broken() == 3
    assert not doctor.audit_chain().ok
    assert note(9).sequence == 5  # a stop must still be possible; the gap remains
    assert audit.first_broken() == 5


def test_removing_all_events_is_found():
    note()
    without_triggers()
    AuditEvent.objects.all().delete()
    assert audit.first_broken() == 1


def test_a_missing_head_is_found_and_not_made_anew():
    note()
    without_triggers()
    AuditHead.objects.all().delete()
    assert audit.first_broken() == 2
    note()
    assert audit.first_broken() == 3


def test_events_chain():
    first, second = note(1), note(2)
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.previous_hash, second.previous_hash) == (audit.GENESIS, first.hash)
    assert audit.first_broken() is None


def test_an_empty_chain_is_whole():
    assert audit.first_broken() is None


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_recorded_without_a_reason(reason):
    with pytest.raises(audit.ReasonMissing):
        note(reason_code=reason)
    assert AuditEvent.objects.count() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "wang"},
        {"at": datetime(2025, 6, 24, tzinfo=UTC)},
        {"data": {"kw": 100}},
        {"reason_text": ""},
        {"subject": "asset 9"},
        {"sequence": 9},
        {"previous_hash": "0" * 64},
        {"hash": "f" * 64},
    ],
)
def test_an_edited_event_is_found(changes):
    for k in range(3):
        note(k)
    without_triggers()
    AuditEvent.objects.filter(sequence=2).update(**changes)
    assert audit.first_broken() in (2, 3)


def test_a_removed_event_is_found():
    for k in range(3):
        note(k)
    without_triggers()
    AuditEvent.objects.filter(sequence=2).delete()
    assert audit.first_broken() == 3


def test_an_event_is_neither_saved_again_nor_deleted():
    event = note()
    event.actor = "wang"
    with pytest.raises(RuntimeError, match="never edited"):
        event.save()
    with pytest.raises(RuntimeError, match="never deleted"):
        AuditEvent.objects.get().delete()


def test_a_time_of_another_zone_verifies_after_the_round_trip():
    note(at=AT.astimezone(ZoneInfo("Asia/Shanghai")))
    assert audit.first_broken() is None


@pytest.mark.parametrize(
    "data",
    [{"kw": 1e22}, {"kw": -0.0}, {"kw": 1e-7}, {"kw": 0.1}, {"n": 10**30}, {"text": "停机 ✓"}, {"rows": [1, 2.50, None, True]}, {1: "key"}],
)
def test_any_data_verifies_after_the_round_trip(data):
    note(data=data)
    assert audit.first_broken() is None


def test_an_event_of_a_decision_that_was_rolled_back_is_not_kept():
    note(1)
    with transaction.atomic():
        note(2)
        transaction.set_rollback(True)
    note(3)
    assert [event.subject for event in AuditEvent.objects.all()] == ["asset 1", "asset 3"]
    assert audit.first_broken() is None

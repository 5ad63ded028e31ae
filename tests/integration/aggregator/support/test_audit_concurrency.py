"""Many writers, one chain: nobody forks it, nobody's event is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from aggregator.support import audit
from aggregator.support.models import AuditEvent

AT = datetime(2025, 6, 23, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_make_one_chain():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's test database lives in one connection; runs in the PostgreSQL pass")

    def write(writer):
        try:
            for k in range(5):
                with transaction.atomic():
                    audit.record(at=AT, actor=f"writer {writer}", action="test", subject=str(k), reason_code="test")
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(write, range(4)))
    assert AuditEvent.objects.count() == 20
    assert audit.first_broken() is None
    for writer in range(4):
        own = AuditEvent.objects.filter(actor=f"writer {writer}").order_by("sequence")
        assert [event.subject for event in own] == ["0", "1", "2", "3", "4"]

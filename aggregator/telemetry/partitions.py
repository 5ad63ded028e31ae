"""Day partitions of the hot table on PostgreSQL. A day is made when it is first written and dropped when folded.

Partitions are days in UTC: they are storage, no delivery days. On SQLite there are none and nothing happens.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

from django.db import DatabaseError, connection, transaction

from aggregator.telemetry.models import TelemetrySample

TABLE = TelemetrySample._meta.db_table
DAY = timedelta(days=1)
# Advisory locks: makers of partitions, and (with the day's number) one day. Any numbers that nobody else uses.
MAKER_LOCK = 7_301_202
DAY_LOCK = 7_301_203
# Days that this process has seen, so that a post asks the catalogue only about others. Another process may drop
# one meanwhile: then the write fails as is_outdated() says, and is done again after forget().
_seen: set[date] = set()
_NO_PARTITION = "23514"


def bounds(day: date) -> tuple[datetime, datetime]:
    """[start, end) of a partition."""
    starts_at = datetime.combine(day, time(), UTC)
    return starts_at, starts_at + DAY


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def exist() -> bool:
    return connection.vendor == "postgresql"


def ensure_partitions(*, days: Collection[date]) -> list[date]:
    """Make the missing ones, except where this process has seen them. Returns the days that were made.

    Made beside the table and then attached: that does not block readers and writers of other days.
    """
    if not exist() or not days:
        return []
    wanted = sorted(set(days) - _seen)
    if not wanted or not (missing := _missing(wanted)):
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MAKER_LOCK])
        missing = _missing(wanted)
        for day in missing:
            starts_at, ends_at = bounds(day)
            cursor.execute(f"CREATE TABLE {_name(day)} (LIKE {TABLE} INCLUDING ALL)")
            cursor.execute(
                f"ALTER TABLE {TABLE} ATTACH PARTITION {_name(day)} "
                f"FOR VALUES FROM ('{starts_at.isoformat()}') TO ('{ends_at.isoformat()}')"
            )
    return missing


def _missing(days: list[date]) -> list[date]:
    there = set(existing_days())
    _seen.update(there.intersection(days))
    return [day for day in days if day not in there]


def is_outdated(failure: DatabaseError) -> bool:
    """Whether a write failed because there is no partition for its day."""
    return getattr(failure.__cause__, "sqlstate", None) == _NO_PARTITION


def forget() -> None:
    """Ask the catalogue again."""
    _seen.clear()


def existing_days() -> list[date]:
    """Days that have a partition, oldest first.

    Read from the catalogue's rows: to_regclass() may answer from a cache that is older than our lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "JOIN pg_class parent ON parent.oid = inhparent WHERE parent.relname = %s",
            [TABLE],
        )
        names = [name for (name,) in cursor.fetchall()]
    return sorted(datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date() for name in names)


def hold(*, days: Collection[date]) -> None:
    """Until the end of this transaction these days are not dropped."""
    if exist() and days:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, n) FROM unnest(%s::int[]) AS n", [DAY_LOCK, _numbers(days)])


@contextmanager
def closed(*, day: date) -> Iterator[None]:
    """Inside, nobody who holds the day writes into it. An advisory lock, so that it blocks no other day."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [DAY_LOCK, *_numbers([day])])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [DAY_LOCK, *_numbers([day])])


def _numbers(days: Collection[date]) -> list[int]:
    return sorted(day.toordinal() for day in days)


def drop(*, day: date) -> None:
    _seen.discard(day)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {_name(day)}")

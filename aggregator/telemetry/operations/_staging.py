"""Many points in one statement: insert what is new, update what changed, touch nothing else.

PostgreSQL: COPY into a temporary table, then one INSERT .. ON CONFLICT. SQLite: executemany with the
same conflict rule. "Only if changed" is what keeps a replay from bloating the table.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakSet

import numpy as np
from django.db import DatabaseError, connection, transaction

from aggregator.telemetry.domain import Points
from aggregator.telemetry.models import TelemetrySample

TABLE = TelemetrySample._meta.db_table
STAGE = "telemetry_stage"
COLUMNS = "asset_id, at, injection_kw, soc_ratio, resolution_s, quality, received_at"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# One COPY row: number of fields, then length and big-endian bytes of each.
WIRE = np.dtype(
    [
        ("fields", ">i2"),
        ("n1", ">i4"), ("asset_id", ">i8"),
        ("n2", ">i4"), ("at", ">i8"),
        ("n3", ">i4"), ("injection_kw", ">f8"),
        ("n4", ">i4"), ("soc_ratio", ">f8"),
        ("n5", ">i4"), ("resolution_s", ">i2"),
        ("n6", ">i4"), ("quality", ">i2"),
    ]
)  # fmt: skip
SIZES = {"n1": 8, "n2": 8, "n3": 8, "n4": 8, "n5": 2, "n6": 2}
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01

CREATE_STAGE = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {STAGE} (asset_id bigint, at timestamptz, injection_kw float8, "
    "soc_ratio float8, resolution_s smallint, quality smallint) ON COMMIT DELETE ROWS"
)
# Sessions that are known to have the temporary table. A pooler may take it away: then the COPY fails as is_outdated() says.
_with_stage: WeakSet[Any] = WeakSet()
_NO_TABLE = "42P01"

# A missing part keeps the stored one; of two deliveries the one received later wins.
ON_CONFLICT = """
ON CONFLICT (asset_id, at) DO UPDATE SET
  injection_kw = COALESCE(excluded.injection_kw, t.injection_kw),
  soc_ratio = COALESCE(excluded.soc_ratio, t.soc_ratio),
  resolution_s = excluded.resolution_s,
  quality = CASE WHEN excluded.injection_kw IS NULL THEN t.quality ELSE excluded.quality END,
  received_at = excluded.received_at
WHERE excluded.received_at >= t.received_at AND (
  (excluded.injection_kw IS NOT NULL AND (t.injection_kw IS NULL OR excluded.injection_kw <> t.injection_kw))
  OR (excluded.soc_ratio IS NOT NULL AND (t.soc_ratio IS NULL OR excluded.soc_ratio <> t.soc_ratio))
  OR excluded.resolution_s <> t.resolution_s)
"""


def upsert(*, points: Points, received_at: datetime) -> int:
    """Write the points (each key once, by key). Returns how many rows were inserted or changed."""
    if not len(points):
        return 0
    return _copied(points, received_at) if connection.vendor == "postgresql" else _row_by_row(points, received_at)


def wire(points: Points) -> bytes:
    """The points as a binary COPY stream, built by columns. NaN stands for missing (no width for NULL)."""
    rows = np.empty(len(points), dtype=WIRE)
    rows["fields"] = len(SIZES)
    for name, size in SIZES.items():
        rows[name] = size
    rows["asset_id"] = points.asset_id
    rows["at"] = points.at_us - POSTGRES_EPOCH_US
    rows["injection_kw"] = points.injection_kw
    rows["soc_ratio"] = points.soc_ratio
    rows["resolution_s"] = points.resolution_s
    rows["quality"] = points.quality
    return HEADER + rows.tobytes() + TRAILER


def is_outdated(failure: DatabaseError) -> bool:
    """Whether a write failed because the session has lost its temporary table."""
    return getattr(failure.__cause__, "sqlstate", None) == _NO_TABLE


def forget() -> None:
    """Make the temporary table anew where it is missing."""
    _with_stage.clear()


def _copied(points: Points, received_at: datetime) -> int:
    session = connection.connection
    with connection.cursor() as cursor:
        if session not in _with_stage:
            cursor.execute(CREATE_STAGE)
            transaction.on_commit(lambda: _with_stage.add(session))
        if connection.savepoint_ids:  # inside a longer transaction the rows of an earlier call are still there
            cursor.execute(f"TRUNCATE {STAGE}")
        with connection.wrap_database_errors, cursor.copy(f"COPY {STAGE} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(wire(points))
        cursor.execute(
            f"INSERT INTO {TABLE} AS t ({COLUMNS}) SELECT asset_id, at, NULLIF(injection_kw, 'NaN'), NULLIF(soc_ratio, 'NaN'), "
            f"resolution_s, quality, %s FROM {STAGE} {ON_CONFLICT}",
            [received_at],
        )
        return int(cursor.rowcount)


def _row_by_row(points: Points, received_at: datetime) -> int:
    as_text = connection.ops.adapt_datetimefield_value
    times = {us: as_text(EPOCH + timedelta(microseconds=us)) for us in np.unique(points.at_us).tolist()}
    received = as_text(received_at)
    columns = [column.tolist() for column in (points.asset_id, points.at_us, points.injection_kw, points.soc_ratio)]
    small = [column.tolist() for column in (points.resolution_s, points.quality)]
    rows = [
        (asset_id, times[us], None if kw != kw else kw, None if soc != soc else soc, step, mark, received)
        for asset_id, us, kw, soc, step, mark in zip(*columns, *small, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {TABLE} AS t ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s) {ON_CONFLICT}", rows)
        return int(cursor.rowcount)

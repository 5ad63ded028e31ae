"""Telemetry in, complete days folded into arrays, old samples dropped."""

from aggregator.telemetry.operations._fold import fold_day, refold
from aggregator.telemetry.operations._imports import DayValues, ImportReport, import_days, import_sessions
from aggregator.telemetry.operations._ingest import IngestReport, Rejected, ingest
from aggregator.telemetry.operations._retention import drop_old, prepare_partitions

__all__ = [
    "DayValues",
    "ImportReport",
    "IngestReport",
    "Rejected",
    "drop_old",
    "fold_day",
    "import_days",
    "import_sessions",
    "ingest",
    "prepare_partitions",
    "refold",
]

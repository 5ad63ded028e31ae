"""What telemetry is allowed to say, and what it says about a period: pure arrays."""

from aggregator.telemetry.domain._columns import (
    AssetUnknown,
    Points,
    SeriesIn,
    SeriesRefused,
    SessionFacts,
    check_series,
    check_sessions,
    join,
    merge,
)
from aggregator.telemetry.domain._days import DayArrays, Samples, fold
from aggregator.telemetry.domain._marks import GOOD, MISSING, OUT_OF_RANGE, find_gaps, quality_marks
from aggregator.telemetry.domain._posts import check_post
from aggregator.telemetry.domain._resample import last_of_period, resample

__all__ = [
    "GOOD",
    "MISSING",
    "OUT_OF_RANGE",
    "AssetUnknown",
    "DayArrays",
    "Points",
    "Samples",
    "SeriesIn",
    "SeriesRefused",
    "SessionFacts",
    "check_post",
    "check_series",
    "check_sessions",
    "find_gaps",
    "fold",
    "join",
    "last_of_period",
    "merge",
    "quality_marks",
    "resample",
]

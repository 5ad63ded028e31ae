"""Readings that settle money, and the baseline: what would have been metered without us."""

from aggregator.metering.domain._baseline import Baseline, BaselineUnavailable, HistoryDay, SameDay, baseline
from aggregator.metering.domain._clock import by_local_clock
from aggregator.metering.domain._methods import Adjustment, BaselineMethod
from aggregator.metering.domain._readings import (
    MISSING_WH,
    DayRefused,
    PointUnknown,
    ReadingIn,
    ReadingRefused,
    at_resolution,
    check_labels,
    parse_day,
    watt_hours,
)

__all__ = [
    "MISSING_WH",
    "Adjustment",
    "Baseline",
    "BaselineMethod",
    "BaselineUnavailable",
    "DayRefused",
    "HistoryDay",
    "PointUnknown",
    "ReadingIn",
    "ReadingRefused",
    "SameDay",
    "at_resolution",
    "baseline",
    "by_local_clock",
    "check_labels",
    "parse_day",
    "watt_hours",
]

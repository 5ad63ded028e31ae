"""Baseline methods as the rule pack states them: figures are data, never constants in the mathematics."""

from dataclasses import dataclass
from typing import Literal

MethodKind = Literal["last_days", "highest_of", "similar_days"]


@dataclass(frozen=True)
class Adjustment:
    """Same-day adjustment by the hours before the event: never by anything at or after the notification.

    The window of `window_hours` ends `gap_hours` before the event, or at the notification where that is
    earlier. `ratio` scales the baseline by a factor clipped to [clip_low, clip_high]; `additive` shifts
    it by the mean difference, clipped to the same parts of the mean baseline in the window.
    """

    kind: Literal["ratio", "additive"] = "ratio"
    window_hours: float = 2.0
    gap_hours: float = 1.0
    clip_low: float = 0.8
    clip_high: float = 1.2

    def __post_init__(self) -> None:
        if self.window_hours <= 0 or self.gap_hours < 0 or not 0 < self.clip_low <= 1 <= self.clip_high:
            raise ValueError("an adjustment needs window_hours > 0, gap_hours >= 0 and clip_low <= 1 <= clip_high")


@dataclass(frozen=True)
class BaselineMethod:
    """Which earlier days speak for the event day.

    kind          last_days     mean of the last `days` working days (rules: JS5)
                  highest_of    of the last `candidate_days` working days the `days` with the most consumption (BJ 10-of)
                  similar_days  the last `days` days of the same type, without those whose daily energy is off
                                the mean by more than `drop_ratio`; refilled (CBL-25)
    first_lag     the newest day that may be used is the event day minus this many days
    same_type_days  how many days of the same type speak for a weekend or holiday
    aggregation   members: one baseline a site, summed; summed: one baseline of the summed meters
    """

    kind: MethodKind = "last_days"
    days: int = 5
    candidate_days: int = 10
    first_lag: int = 1
    drop_ratio: float = 0.25
    same_type_days: int = 3
    min_coverage_ratio: float = 0.9
    search_days: int = 45
    adjustment: Adjustment | None = None
    aggregation: Literal["members", "summed"] = "members"

    def __post_init__(self) -> None:
        counts = (self.days, self.candidate_days, self.first_lag, self.same_type_days, self.search_days)
        if min(counts) < 1 or (self.kind == "highest_of" and self.candidate_days < self.days):
            raise ValueError("a baseline method needs at least one day, and no more chosen days than candidates")
        if not 0 < self.min_coverage_ratio <= 1 or self.drop_ratio <= 0:
            raise ValueError("0 < min_coverage_ratio <= 1 and drop_ratio > 0 are required")

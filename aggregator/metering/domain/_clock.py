"""Days of 23, 24 and 25 hours side by side."""

from zoneinfo import ZoneInfo

import numpy as np

from aggregator.kernel.periods import Grid, local_hours


def by_local_clock(values: np.ndarray, *, grid: Grid, like: Grid, tz: ZoneInfo) -> np.ndarray:
    """A day's values (len(grid),) put to the local clock times of another day; NaN where it had no such time.

    An hour that one of the days has twice is compared with the first of it.
    """
    mine, theirs = local_hours(grid, tz=tz), local_hours(like, tz=tz)
    if np.array_equal(mine, theirs):
        return values
    first: dict[float, float] = {}
    for hour, value in zip(mine.tolist(), values.tolist(), strict=True):
        first.setdefault(hour, value)
    return np.array([first.get(hour, np.nan) for hour in theirs.tolist()])

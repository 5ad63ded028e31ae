"""Values for a chart: local wall times, and null where a value is missing."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import numpy as np

from aggregator.kernel.periods import SHANGHAI, Grid


def wall(at: datetime) -> str:
    """Local wall time without an offset: the chart shows it as it is, whatever zone the browser is in."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S")


def edges(grid: Grid) -> list[str]:
    """Starts of the periods and the end of the last one."""
    return [wall(at) for at in (*grid.starts, grid.ends_at)]


def nullable(values: Iterable[float | Decimal]) -> list[float | None]:
    return [None if np.isnan(float(value)) else round(float(value), 3) for value in values]

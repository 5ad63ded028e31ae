"""All series of a post checked together: one array a column, whatever the number of series."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain

import numpy as np

from aggregator.telemetry.domain._columns import (
    CLOCK_TOLERANCE,
    EPOCH,
    LIMIT_KW,
    MAX_AGE,
    MAX_SPAN,
    SECOND_US,
    SOC_MARGIN,
    Points,
    SeriesIn,
    SeriesRefused,
    check_series,
    finite_column,
    join,
    marked_points,
    parse_time,
    resolution,
)

MICROSECOND = timedelta(microseconds=1)


def check_post(
    *, series: Sequence[SeriesIn], asset_ids: Sequence[int], rated_kw: Sequence[float], received_at: datetime
) -> tuple[Points, dict[int, SeriesRefused]]:
    """The points of all good series in order, and {index: why} of the others; the three sequences belong together.

    Says what check_series says of each. Only a post in which something is wrong is looked at one by one.
    """
    together = _at_once(series, asset_ids, rated_kw, received_at)
    if together is not None:
        return together, {}
    good: list[Points] = []
    refused: dict[int, SeriesRefused] = {}
    for index, (one, asset_id, rated) in enumerate(zip(series, asset_ids, rated_kw, strict=True)):
        try:
            good.append(check_series(series=one, asset_id=asset_id, rated_kw=rated, received_at=received_at))
        except SeriesRefused as refusal:
            refused[index] = refusal
    return join(good), refused


def _at_once(series: Sequence[SeriesIn], asset_ids: Sequence[int], rated_kw: Sequence[float], received_at: datetime) -> Points | None:
    """None where any series must be refused, or might have to be."""
    kw, soc = [one.injection_kw for one in series], [one.soc_ratio for one in series]
    if not all(isinstance(column, (list, tuple)) for column in kw):
        return None
    lengths = [len(column) for column in kw]
    soc = [[None] * n if column is None else column for column, n in zip(soc, lengths, strict=True)]
    if not all(isinstance(column, (list, tuple)) for column in soc) or [len(column) for column in soc] != lengths:
        return None
    try:
        texts = {one.starts_at for one in series}
        first_us = {text: (parse_time(text) - EPOCH) // MICROSECOND for text in texts}
        steps = np.array([resolution(one.resolution_s) for one in series], dtype=np.int64)
        injection_kw = finite_column("injection_kw", list(chain.from_iterable(kw)), -LIMIT_KW, LIMIT_KW)
        soc_ratio = finite_column("soc_ratio", list(chain.from_iterable(soc)), -SOC_MARGIN, 1 + SOC_MARGIN)
    except (SeriesRefused, TypeError):  # TypeError: a start that cannot be hashed is no time
        return None
    first = np.array([first_us[one.starts_at] for one in series], dtype=np.int64)
    n = np.array(lengths, dtype=np.int64)
    now_us = (received_at - EPOCH) // MICROSECOND
    too_long = (n == 0) | (n * steps > MAX_SPAN // timedelta(seconds=1))
    too_old = first < now_us - MAX_AGE // MICROSECOND
    in_future = first + (n - 1) * steps * SECOND_US > now_us + CLOCK_TOLERANCE // MICROSECOND
    if (too_long | too_old | in_future).any():
        return None
    position = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return marked_points(
        asset_id=np.repeat(np.array(asset_ids, dtype=np.int64), n),
        at_us=np.repeat(first, n) + np.repeat(steps * SECOND_US, n) * position,
        injection_kw=injection_kw,
        soc_ratio=soc_ratio,
        resolution_s=np.repeat(steps, n).astype(np.int16),
        rated_kw=np.repeat(np.array(rated_kw, dtype=np.float64), n),
    )

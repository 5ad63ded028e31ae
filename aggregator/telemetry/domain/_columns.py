"""A posted series, checked by columns: one look at a whole array, never a serializer per row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from aggregator.kernel.errors import Anticipated
from aggregator.telemetry.domain._marks import GOOD, OUT_OF_RANGE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000
MAX_AGE = timedelta(days=400)
CLOCK_TOLERANCE = timedelta(minutes=10)
MAX_SPAN = timedelta(days=31)
MAX_SESSIONS = 1_000
LIMIT_KW = 1e7  # ten times the largest power station: no asset, only a broken sender
LIMIT_KWH = 1e6  # no car
RATED_MARGIN = 1.05
SOC_MARGIN = 0.05
NUMBERS = {int, float, type(None)}
DTYPES = (np.int64, np.int64, np.float64, np.float64, np.int16, np.int16)  # the columns of Points


class SeriesRefused(Anticipated):
    """One series of a post is left out; the rest of the post is kept."""

    code = "telemetry.series_refused"
    text = "The series is not valid."
    status = 422


class AssetUnknown(SeriesRefused):
    code = "telemetry.asset_unknown"
    text = "%(asset)s is no asset of this gateway."


class TimeRefused(SeriesRefused):
    code = "telemetry.time_refused"
    text = "%(value)s is not an RFC 3339 time with a zone."


class TooOld(SeriesRefused):
    code = "telemetry.too_old"
    text = "The series starts at %(value)s, more than %(days)s days ago."


class InFuture(SeriesRefused):
    code = "telemetry.in_future"
    text = "The series reaches to %(value)s, which has not happened yet."


class ResolutionRefused(SeriesRefused):
    code = "telemetry.resolution_refused"
    text = "resolution_s must be a whole number of seconds that divides an hour, not %(value)s."


class ColumnRefused(SeriesRefused):
    code = "telemetry.column_refused"
    text = "%(column)s must be a list of finite numbers within %(limits)s, or null where a value is missing."


class LengthRefused(SeriesRefused):
    code = "telemetry.length_refused"
    text = "The columns must have the same length, at least 1 value and at most %(days)s days."


class SessionsRefused(SeriesRefused):
    code = "telemetry.sessions_refused"
    text = "The charging session number %(number)s is not valid: %(why)s."


class SeriesIn(NamedTuple):
    """One series as it was posted, unchecked: names and units of `POST /api/v1/telemetry`.

    asset is the public_id; starts_at an aware datetime or RFC 3339 text; injection_kw the mean power of
    each interval, soc_ratio the state of charge at its end; None = missing.
    """

    asset: Any
    starts_at: Any
    resolution_s: Any
    injection_kw: Any
    soc_ratio: Any = None
    sessions: Any = None


@dataclass(frozen=True)
class SessionFacts:
    """One stay of one car at a station. None = not known (yet)."""

    session_key: str
    plugged_in_at: datetime
    plugged_out_at: datetime | None = None
    energy_kwh: float | None = None
    need_kwh: float | None = None
    user_key: str = ""


@dataclass(frozen=True)
class Points:
    """Checked points as columns of equal length; at_us is the start of the interval [us since 1970 UTC], NaN = missing."""

    asset_id: np.ndarray
    at_us: np.ndarray
    injection_kw: np.ndarray
    soc_ratio: np.ndarray
    resolution_s: np.ndarray
    quality: np.ndarray

    def __len__(self) -> int:
        return len(self.at_us)

    def take(self, chosen: np.ndarray) -> "Points":
        return Points(*(getattr(self, f.name)[chosen] for f in fields(self)))


def parse_time(value: Any) -> datetime:
    """An aware time in UTC. Raises TimeRefused: a naive time is never guessed."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(at, datetime) or at.tzinfo is None:
            raise TimeRefused(value=str(value)[:40])
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise TimeRefused(value=str(value)[:40]) from problem


def finite_column(name: str, values: Any, low: float, high: float) -> np.ndarray:
    """float64 with NaN for None. Raises ColumnRefused for text, booleans, NaN, infinities and absurd sizes."""
    if isinstance(values, (list, tuple)) and set(map(type, values)) <= NUMBERS:
        try:
            column = np.array(values, dtype=np.float64)  # None becomes NaN
        except OverflowError:
            column = np.array([np.inf])  # an integer beyond any float
        beyond = np.fmin.reduce(column, initial=high) < low or np.fmax.reduce(column, initial=low) > high
        if not beyond and np.count_nonzero(np.isnan(column)) == values.count(None):
            return column
    raise ColumnRefused(column=name, limits=f"[{low:g}, {high:g}]")


def resolution(value: Any) -> int:
    """Seconds of an interval. Raises ResolutionRefused unless whole intervals make an hour."""
    if type(value) is not int or not 1 <= value <= 3600 or 3600 % value:
        raise ResolutionRefused(value=str(value)[:40])
    return value


def marked_points(
    *,
    asset_id: np.ndarray,
    at_us: np.ndarray,
    injection_kw: np.ndarray,
    soc_ratio: np.ndarray,
    resolution_s: np.ndarray,
    rated_kw: np.ndarray | float,
) -> Points:
    """Points of checked columns. A value beyond the rating is kept and marked; where all is missing there is no point."""
    beyond = np.abs(injection_kw) > RATED_MARGIN * rated_kw
    quality = np.where(beyond, OUT_OF_RANGE, GOOD).astype(np.int16)
    points = Points(asset_id, at_us, injection_kw, np.clip(soc_ratio, 0.0, 1.0), resolution_s, quality)
    silent = np.isnan(injection_kw) & np.isnan(soc_ratio)
    return points.take(~silent) if silent.any() else points


def check_series(*, series: SeriesIn, asset_id: int, rated_kw: float, received_at: datetime) -> Points:
    """The points of one series. A value beyond the rating is kept and marked OUT_OF_RANGE.

    Raises a SeriesRefused that says what is wrong with the series.
    """
    starts_at = parse_time(series.starts_at)
    step = resolution(series.resolution_s)
    injection_kw = finite_column("injection_kw", series.injection_kw, -LIMIT_KW, LIMIT_KW)
    n = len(injection_kw)
    absent = series.soc_ratio is None
    soc_ratio = np.full(n, np.nan) if absent else finite_column("soc_ratio", series.soc_ratio, -SOC_MARGIN, 1 + SOC_MARGIN)
    if n == 0 or len(soc_ratio) != n or n * step > MAX_SPAN.total_seconds():
        raise LengthRefused(days=MAX_SPAN.days)
    if starts_at < received_at - MAX_AGE:
        raise TooOld(value=starts_at.isoformat(), days=MAX_AGE.days)
    last = starts_at + (n - 1) * timedelta(seconds=step)
    if last > received_at + CLOCK_TOLERANCE:
        raise InFuture(value=last.isoformat())
    first_us = (starts_at - EPOCH) // timedelta(microseconds=1)
    return marked_points(
        asset_id=np.full(n, asset_id, dtype=np.int64),
        at_us=first_us + step * SECOND_US * np.arange(n, dtype=np.int64),
        injection_kw=injection_kw,
        soc_ratio=soc_ratio,
        resolution_s=np.full(n, step, dtype=np.int16),
        rated_kw=rated_kw,
    )


def _optional_kwh(item: Mapping[str, Any], name: str, number: int) -> float | None:
    value = item.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= LIMIT_KWH:
        raise SessionsRefused(number=number, why=name)
    return float(value)


def check_sessions(*, sessions: Any, received_at: datetime) -> list[SessionFacts]:
    """The charging sessions of a series. Raises SessionsRefused, TimeRefused."""
    if sessions is None:
        return []
    if not isinstance(sessions, Sequence) or isinstance(sessions, str) or len(sessions) > MAX_SESSIONS:
        raise SessionsRefused(number=0, why=f"a list of at most {MAX_SESSIONS} is expected")
    found = []
    for number, item in enumerate(sessions):
        if not isinstance(item, Mapping):
            raise SessionsRefused(number=number, why="an object is expected")
        key, user = item.get("session_key"), item.get("user_key") or ""
        if not isinstance(key, str) or not 0 < len(key) <= 80 or not isinstance(user, str) or len(user) > 80:
            raise SessionsRefused(number=number, why="session_key, user_key")
        plugged_in_at = parse_time(item.get("plugged_in_at"))
        out = item.get("plugged_out_at")
        plugged_out_at = None if out is None else parse_time(out)
        if plugged_out_at is not None and plugged_out_at < plugged_in_at:
            raise SessionsRefused(number=number, why="plugged_out_at is before plugged_in_at")
        if not received_at - MAX_AGE <= plugged_in_at <= (plugged_out_at or plugged_in_at) <= received_at + CLOCK_TOLERANCE:
            raise SessionsRefused(number=number, why="the time is too old or has not happened yet")
        energy_kwh, need_kwh = (_optional_kwh(item, name, number) for name in ("energy_kwh", "need_kwh"))
        found.append(SessionFacts(key, plugged_in_at, plugged_out_at, energy_kwh, need_kwh, user))
    return found


def join(batches: Sequence[Points]) -> Points:
    """All points in the order of the batches."""
    if not batches:
        return Points(*(np.empty(0, dtype=kind) for kind in DTYPES))
    return Points(*(np.concatenate([getattr(batch, f.name) for batch in batches]) for f in fields(Points)))


def merge(points: Points) -> Points:
    """The points by (asset, time), each once: a later one wins, and what it is missing keeps the earlier value."""
    points = points.take(np.lexsort((points.at_us, points.asset_id)))  # stable: later points stay later
    again = (np.diff(points.asset_id) == 0) & (np.diff(points.at_us) == 0)
    for k in np.flatnonzero(again):
        if np.isnan(points.injection_kw[k + 1]):
            points.injection_kw[k + 1], points.quality[k + 1] = points.injection_kw[k], points.quality[k]
        if np.isnan(points.soc_ratio[k + 1]):
            points.soc_ratio[k + 1] = points.soc_ratio[k]
    return points.take(np.append(~again, True)) if len(points) else points

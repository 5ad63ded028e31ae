"""Telemetry as arrays on a grid, merged from folded days and hot samples, as it was known at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db.models import BigIntegerField, Func, OuterRef, Subquery

from aggregator.assets.models import Asset
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4
from aggregator.telemetry.domain import GOOD, MISSING, last_of_period, resample
from aggregator.telemetry.models import ChargingSession, TelemetryDay, TelemetrySample

ENOUGH = 0.5 - 1e-9
CHUNK = 500
LONGEST = timedelta(hours=1)  # of a sample
LONGEST_DAY = timedelta(hours=26)
LOOKBACK = timedelta(days=2)


class EpochSeconds(Func):
    """A time as whole seconds since 1970 UTC, computed by the database."""

    template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS BIGINT)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        return self.as_sql(compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)", **extra)


@dataclass(frozen=True)
class Latest:
    """The newest sample of an asset: interval start, mean power, state of charge at its end; None = not told."""

    at: datetime
    resolution_s: int
    injection_kw: float | None
    soc_ratio: float | None
    quality: int

    @property
    def ends_at(self) -> datetime:
        return self.at + timedelta(seconds=self.resolution_s)


@dataclass(frozen=True)
class SessionRow:
    """One stay of one car as known at the asked time: plugged_out_at None = still there then."""

    asset_id: int
    session_key: str
    user_key: str
    plugged_in_at: datetime
    plugged_out_at: datetime | None
    energy_kwh: float | None
    need_kwh: float | None


@dataclass(frozen=True)
class _Columns:
    asset: np.ndarray  # position in asset_ids
    at_s: np.ndarray
    resolution_s: np.ndarray
    values: np.ndarray


def _hot(asset_ids: Sequence[int], grid: Grid, known_at: datetime, series: str, good_only: bool) -> _Columns:
    rows = TelemetrySample.objects.filter(
        asset_id__in=asset_ids,
        at__gt=grid.starts_at - LONGEST,
        at__lt=grid.ends_at,
        received_at__lte=known_at,
        **{f"{series}__isnull": False},
    )
    if good_only:
        rows = rows.filter(quality=GOOD)
    found = list(rows.values_list("asset_id", EpochSeconds("at"), "resolution_s", series))
    ids, at_s, steps, values = zip(*found, strict=True) if found else ((), (), (), ())
    return _Columns(
        _positions(asset_ids, np.array(ids, dtype=np.int64)), np.array(at_s, np.int64), np.array(steps, np.int64), np.array(values, float)
    )


def _cold(asset_ids: Sequence[int], grid: Grid, known_at: datetime, series: str, good_only: bool) -> _Columns:
    rows = TelemetryDay.objects.filter(
        asset_id__in=asset_ids,
        series=series,
        starts_at__gt=grid.starts_at - LONGEST_DAY,
        starts_at__lt=grid.ends_at,
        available_at__lte=known_at,
    )
    ids, starts, steps, lengths, values = [], [], [], [], []
    for asset_id, starts_at, step, packed, marks in rows.values_list("asset_id", "starts_at", "resolution_s", "values", "quality"):
        day = unpack_f4(packed)
        if good_only and marks:
            quality = np.frombuffer(bytes(marks), dtype=np.uint8)
            day = np.where((quality == GOOD) | (quality == MISSING), day, np.nan)
        ids.append(asset_id)
        starts.append(int(starts_at.timestamp()))
        steps.append(step)
        lengths.append(len(day))
        values.append(day)
    sizes = np.array(lengths, dtype=np.int64)
    nth = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    step_s = np.repeat(np.array(steps, dtype=np.int64), sizes)
    at_s = np.repeat(np.array(starts, dtype=np.int64), sizes) + nth * step_s
    joined = np.concatenate(values) if values else np.zeros(0)
    asset = np.repeat(_positions(asset_ids, np.array(ids, dtype=np.int64)), sizes)
    known = ~np.isnan(joined)
    return _Columns(asset[known], at_s[known], step_s[known], joined[known])


def _positions(asset_ids: Sequence[int], found: np.ndarray) -> np.ndarray:
    order = np.argsort(asset_ids)
    return order[np.searchsorted(np.asarray(asset_ids)[order], found)]


def _chunks(asset_ids: Sequence[int]) -> Iterator[slice]:
    return (slice(first, first + CHUNK) for first in range(0, len(asset_ids), CHUNK))


def power(*, asset_ids: Sequence[int], grid: Grid, known_at: datetime, good_only: bool = False) -> np.ndarray:
    """Mean injection_kw per period, (n_assets, n_periods) in the order of `asset_ids`.

    NaN where samples known at `known_at` cover less than half of the period. `good_only` counts marked
    values (flatline, spike, out of range) as missing. Where a period has folded and hot values, those
    that cover more of it count, hot ones on a tie.
    """
    out = np.full((len(asset_ids), len(grid)), np.nan)
    for part in _chunks(asset_ids):
        ids = list(asset_ids[part])
        best = np.zeros((len(ids), len(grid)))
        for columns in (_cold(ids, grid, known_at, "injection_kw", good_only), _hot(ids, grid, known_at, "injection_kw", good_only)):
            mean, coverage = resample(**vars(columns), n_assets=len(ids), grid=grid)
            better = (coverage >= best) & (coverage >= ENOUGH)
            out[part][better] = mean[better]
            best = np.maximum(best, coverage)
    return out


def soc(*, asset_ids: Sequence[int], grid: Grid, known_at: datetime) -> np.ndarray:
    """State of charge (ratio) at the end of each period, (n_assets, n_periods); NaN where none was told in it."""
    out = np.full((len(asset_ids), len(grid)), np.nan)
    for part in _chunks(asset_ids):
        ids = list(asset_ids[part])
        cold, hot = (read(ids, grid, known_at, "soc_ratio", False) for read in (_cold, _hot))
        joined = {name: np.concatenate([getattr(cold, name), getattr(hot, name)]) for name in vars(cold)}
        out[part] = last_of_period(**joined, n_assets=len(ids), grid=grid)
    return out


def latest(*, asset_ids: Sequence[int], at: datetime, lookback: timedelta = LOOKBACK) -> dict[int, Latest]:
    """The newest sample of each asset that had been received at `at`; an asset silent for `lookback` is absent.

    Where there is no hot sample, the end of the newest folded day counts.
    """
    found: dict[int, Latest] = {}
    for part in _chunks(asset_ids):
        found |= _latest_hot(asset_ids[part], at, lookback)
    for part in _chunks(silent := [pk for pk in asset_ids if pk not in found]):
        found |= _latest_cold(silent[part], at, lookback)
    return found


def _latest_hot(asset_ids: Sequence[int], at: datetime, lookback: timedelta) -> dict[int, Latest]:
    known = TelemetrySample.objects.filter(at__gt=at - lookback, at__lte=at, received_at__lte=at)
    newest = known.filter(asset_id=OuterRef("pk")).order_by("-at").values("at")[:1]
    times = {pk: last for pk, last in Asset.objects.filter(pk__in=asset_ids).values_list("pk", Subquery(newest)) if last is not None}
    rows = known.filter(asset_id__in=times, at__in=set(times.values())).values_list(
        "asset_id", "at", "resolution_s", "injection_kw", "soc_ratio", "quality"
    )
    return {row[0]: Latest(row[1].astimezone(UTC), *row[2:]) for row in rows if times[row[0]] == row[1]}


def _latest_cold(asset_ids: Sequence[int], at: datetime, lookback: timedelta) -> dict[int, Latest]:
    rows = TelemetryDay.objects.filter(
        asset_id__in=asset_ids,
        series__in=("injection_kw", "soc_ratio"),
        starts_at__gt=at - lookback - LONGEST_DAY,
        starts_at__lt=at,
        available_at__lte=at,
    )
    ends: dict[int, dict[str, tuple[datetime, int, float, int]]] = {}
    for row in rows.order_by("starts_at"):
        values = unpack_f4(row.values)
        n = min(len(values), int((at - row.starts_at).total_seconds()) // row.resolution_s)
        told = np.flatnonzero(~np.isnan(values[:n]))
        if len(told):
            k = int(told[-1])
            mark = bytes(row.quality)[k] if row.quality else GOOD
            started = row.starts_at.astimezone(UTC) + timedelta(seconds=k * row.resolution_s)
            ends.setdefault(row.asset_id, {})[row.series] = (started, row.resolution_s, float(values[k]), mark)
    found = {}
    for asset_id, by_series in ends.items():
        started, step, _, mark = max(by_series.values(), key=lambda last: last[0])
        if started > at - lookback:
            kw, state = (by_series[s][2] if s in by_series and by_series[s][0] == started else None for s in ("injection_kw", "soc_ratio"))
            found[asset_id] = Latest(started, step, kw, state, mark)
    return found


def sessions(*, asset_ids: Sequence[int], starts_at: datetime, ends_at: datetime, known_at: datetime) -> dict[int, list[SessionRow]]:
    """Stays that overlap [starts_at, ends_at) as known at `known_at`, by plug-in; every asset has a list.

    A stay that ended after `known_at` is shown open, without its energy: that was not known yet.
    """
    found: dict[int, list[SessionRow]] = {asset_id: [] for asset_id in asset_ids}
    rows = ChargingSession.objects.filter(
        asset_id__in=asset_ids, plugged_in_at__lt=ends_at, plugged_in_at__lte=known_at, available_at__lte=known_at
    ).exclude(plugged_out_at__lte=starts_at)
    for row in rows.order_by("plugged_in_at", "session_key"):
        over = row.plugged_out_at is not None and row.plugged_out_at <= known_at
        energy_kwh = row.energy_kwh if over or row.plugged_out_at is None else None
        plugged_out_at = row.plugged_out_at if over else None
        found[row.asset_id].append(
            SessionRow(row.asset_id, row.session_key, row.user_key, row.plugged_in_at, plugged_out_at, energy_kwh, row.need_kwh)
        )
    return found

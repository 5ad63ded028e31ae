"""What sites did before a plan begins: the month's largest import, and the day's export and own generation."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets.domain import kind_of
from aggregator.assets.queries import Member
from aggregator.dispatch.queries._setpoints import in_force
from aggregator.forecasts import queries as forecasts
from aggregator.kernel.periods import Grid, day_of, midnight
from aggregator.metering.domain import MISSING_WH
from aggregator.metering.queries import net_injection_wh
from aggregator.telemetry import queries as telemetry

QUARTER = timedelta(minutes=15)  # over which the largest import is measured
NOT_READ_YET = timedelta(days=1)  # readings come on the day after; until then telemetry stands in for them


@dataclass(frozen=True)
class DayShare:
    """A site's own generation and export of the day so far [kWh]."""

    generated_kwh: float
    exported_kwh: float


def month_peaks_kw(*, members: Sequence[Member], before: datetime, known_at: datetime) -> dict[int, float]:
    """Per site id the largest import [kW] of a quarter of an hour, from the beginning of the local month of `before` until then.

    By the meters as known at `known_at`; for the day of `before` and the one before it by telemetry where the meters are not read
    yet and all of the site's assets are heard. 0 where nothing is known: then nothing is covered.
    """
    sites = sorted({member.site_id for member in members})
    first, last = day_of(before).replace(day=1), day_of(before - timedelta(microseconds=1))
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    if not days:
        return dict.fromkeys(sites, 0.0)
    wh = net_injection_wh(site_ids=sites, days=days, as_of=known_at, resolution=QUARTER)
    kw = np.where(wh == MISSING_WH, np.nan, -wh / 1000 / (QUARTER / timedelta(hours=1)))
    since = max(midnight(first), midnight(last) - NOT_READ_YET)
    heard = Grid(since, QUARTER, max(0, (min(before, known_at) - since) // QUARTER))
    at = slice((since - midnight(first)) // QUARTER, (since - midnight(first)) // QUARTER + len(heard))
    if len(heard) and np.isnan(kw[:, at]).any():
        recent = -_site_kw(members, sites, telemetry.power(asset_ids=[m.asset_id for m in members], grid=heard, known_at=known_at))
        kw[:, at] = np.where(np.isnan(kw[:, at]), recent, kw[:, at])
    peaks = np.where(np.isfinite(kw), kw, 0.0).max(axis=1, initial=0.0)
    return {site_id: float(peak) for site_id, peak in zip(sites, peaks, strict=True)}


def day_shares(
    *, portfolio_id: int, members: Sequence[Member], site_ids: Collection[int], starts_at: datetime, step: timedelta, known_at: datetime
) -> dict[int, DayShare]:
    """Of these sites, from midnight to `starts_at` in periods of `step`: as telemetry shows, else as told, else as forecast.

    A period of which nothing at all is known of an asset counts with none of its energy.
    """
    inside = [member for member in members if member.site_id in site_ids]
    begun = midnight(day_of(starts_at))
    grid = Grid(begun, step, (starts_at - begun) // step)
    if not inside or not len(grid):
        return {site_id: DayShare(0.0, 0.0) for site_id in site_ids}
    kw = np.nan_to_num(_course_kw(portfolio_id, inside, grid, known_at))
    sites = sorted(site_ids)
    exported = np.maximum(0.0, _site_kw(inside, sites, kw)).sum(axis=1) * grid.hours
    own = np.array([kind_of(member.kind).green for member in inside])
    generated = _site_kw(inside, sites, np.where(own[:, None], kw, 0.0)).sum(axis=1) * grid.hours
    return {site_id: DayShare(float(made), float(out)) for site_id, made, out in zip(sites, generated, exported, strict=True)}


def _course_kw(portfolio_id: int, members: Sequence[Member], grid: Grid, known_at: datetime) -> np.ndarray:
    """(n_assets, n_periods) injection [kW]; NaN where nothing says what an asset did."""
    ids = [member.asset_id for member in members]
    kw = telemetry.power(asset_ids=ids, grid=grid, known_at=known_at)
    if np.isfinite(kw).all():
        return kw
    expected = np.full(kw.shape, np.nan)
    run = forecasts.latest_run(portfolio_id=portfolio_id, grid=grid, known_at=known_at)
    if run is not None:
        bases = forecasts.envelopes(run_id=run.id, level="expected", grid=grid)
        for row, asset_id in zip(expected, ids, strict=True):
            if asset_id in bases:
                row[:] = bases[asset_id].base_kw
    for told in in_force(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=known_at):
        if told.planned_kw is not None:
            expected[ids.index(told.asset_id), grid.window(told.starts_at, told.ends_at)] = told.planned_kw
    return np.where(np.isfinite(kw), kw, expected)


def _site_kw(members: Sequence[Member], sites: Sequence[int], kw: np.ndarray) -> np.ndarray:
    """(n_sites, n_periods) sums; NaN where one of a site's assets is."""
    out = np.zeros((len(sites), kw.shape[1]))
    for member, row in zip(members, kw, strict=True):
        out[sites.index(member.site_id)] += row
    return out

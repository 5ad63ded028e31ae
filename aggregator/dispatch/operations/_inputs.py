"""Gather what a plan is made from: members, envelopes, states of charge, calls used, outages, prices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from aggregator.assets import queries as assets
from aggregator.assets.domain import Envelope, kind_of
from aggregator.dispatch import queries
from aggregator.dispatch.domain import (
    USABLE,
    AssetFacts,
    FirmBlock,
    GroupProblem,
    ProblemRefused,
    ScheduleProblem,
    SiteProblem,
    Target,
    device_of,
    drifted,
)
from aggregator.dispatch.domain.objective import DayObjective
from aggregator.dispatch.operations._members import Members
from aggregator.forecasts import queries as forecasts
from aggregator.kernel.periods import Grid, day_of

SHORTFALL_FACTOR, SHORTFALL_LEAST = 20.0, 20.0  # CNY/kWh: a promise goes before any price
OVERSHOOT_FACTOR, OVERSHOOT_LEAST = 1.5, 1.0


@dataclass(frozen=True)
class Course:
    """Values [CNY/kWh] on a grid of their own; NaN where they are not known."""

    grid: Grid
    cny_per_kwh: np.ndarray


@dataclass(frozen=True)
class Prices:
    """Per period of the grid [CNY/kWh]; per site id the cost of importing on top, and the demand price [CNY/kW]."""

    injection_value_cny_per_kwh: np.ndarray
    import_adder_cny_per_kwh: Mapping[int, np.ndarray]
    demand_price_cny_per_kw: Mapping[int, float]
    terminal_value_cny_per_kwh: float

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Prices":
        """From the inputs that a plan keeps."""
        return cls(
            injection_value_cny_per_kwh=np.array(given["injection_value_cny_per_kwh"]),
            import_adder_cny_per_kwh={int(site): np.array(values) for site, values in given["import_adder_cny_per_kwh"].items()},
            demand_price_cny_per_kw={int(site): value for site, value in given["demand_price_cny_per_kw"].items()},
            terminal_value_cny_per_kwh=given["terminal_value_cny_per_kwh"],
        )

    def known(self, grid: Grid, course: Course | None) -> "Prices":
        """What injection is worth replaced by `course` in the periods of `grid`, which is ours, that it covers and knows."""
        if course is None or course.grid.resolution != grid.resolution:
            return self
        worth = self.injection_value_cny_per_kwh.copy()
        first = (course.grid.starts_at - grid.starts_at) // grid.resolution
        ours = slice(max(0, first), max(0, min(len(grid), first + len(course.grid))))
        theirs = course.cny_per_kwh[ours.start - first : ours.stop - first]
        worth[ours] = np.where(np.isfinite(theirs), theirs, worth[ours])
        return replace(self, injection_value_cny_per_kwh=worth)

    def tail(self, first: int) -> "Prices":
        adders = {site: values[first:] for site, values in self.import_adder_cny_per_kwh.items()}
        return replace(self, injection_value_cny_per_kwh=self.injection_value_cny_per_kwh[first:], import_adder_cny_per_kwh=adders)


@dataclass(frozen=True)
class Gathered:
    """A problem with the way back to rows: `ids` names the asset of each key, `sites` the public id of each site.

    The problem is in money; `objective` says what a plan of it is to be made for.
    """

    problem: ScheduleProblem
    facts: dict[str, AssetFacts]
    ids: dict[str, int]
    sites: dict[str, str]
    notes: list[dict[str, str]] = field(default_factory=list)
    objective: DayObjective = field(default_factory=DayObjective)


def gather(
    *,
    portfolio_id: int,
    grid: Grid,
    run_id: int,
    prices: Prices,
    issued_at: datetime,
    firm: FirmBlock | None = None,
    target: Target | None = None,
    excluded: Collection[int] = (),
    weather_run_id: int | None = None,
    drift_kw: Mapping[int, float] | None = None,
) -> Gathered:
    """`weather_run_id`: a newer forecast for wind and sun; `drift_kw`: what loads inject beyond theirs, per asset id.

    Raises ProblemRefused where prices or forecasts are missing.
    """
    day = day_of(grid.starts_at)
    members = assets.members_on(portfolio_id=portfolio_id, day=day)
    if not members or not len(grid):
        raise ProblemRefused(why="nothing_to_plan")
    site_rows = {site.site_id: site for site in assets.sites_on(portfolio_id=portfolio_id, day=day)}
    site_keys = {site_id: f"{row.enterprise_code}/{row.code}" for site_id, row in site_rows.items()}
    ids = [member.asset_id for member in members]
    keys = {m.asset_id: f"{site_keys[m.site_id]}/{m.code}" for m in members}
    notes: list[dict[str, str]] = []
    foreseen = _envelopes(members, run_id, weather_run_id, drift_kw or {})
    facts = Members(members, keys, grid, foreseen, issued_at, frozenset(excluded), notes).facts()
    for asset_id, bright_kw in _bright(members, site_rows, grid, run_id, weather_run_id).items():
        facts[asset_id] = replace(facts[asset_id], bright_kw=bright_kw)
    peaks = _free_peaks(members, grid, run_id, issued_at) if any(prices.demand_price_cny_per_kw.values()) else {}
    ruled = [site_id for site_id, row in site_rows.items() if row.export_share_ratio is not None]
    shares = queries.day_shares(
        portfolio_id=portfolio_id, members=members, site_ids=ruled, starts_at=grid.starts_at, step=grid.resolution, known_at=issued_at
    )
    sites = {}
    for site_id, row in site_rows.items():
        if site_id not in prices.import_adder_cny_per_kwh:
            raise ProblemRefused(why="no_import_price", site=row.code)
        sites[site_keys[site_id]] = SiteProblem(
            import_limit_kw=row.import_limit_kw,
            export_limit_kw=row.export_limit_kw,
            import_adder_cny_per_kwh=prices.import_adder_cny_per_kwh[site_id],
            demand_price_cny_per_kw=float(prices.demand_price_cny_per_kw.get(site_id, 0.0)),
            peak_so_far_kw=peaks.get(site_id, 0.0),
            export_share_ratio=np.inf if row.export_share_ratio is None else row.export_share_ratio,
            generated_so_far_kwh=shares[site_id].generated_kwh if site_id in shares else 0.0,
            exported_so_far_kwh=shares[site_id].exported_kwh if site_id in shares else 0.0,
        )
    groups, group_of = _groups(site_keys, keys)
    keyed = {keys[asset_id]: row for asset_id, row in facts.items()}
    dearest = float(np.nanmax(np.abs(prices.injection_value_cny_per_kwh), initial=0.0))
    problem = ScheduleProblem(
        grid=grid,
        sites=sites,
        devices={key: (row.site, device_of(row)) for key, row in keyed.items()},
        injection_value_cny_per_kwh=prices.injection_value_cny_per_kwh,
        firm=firm,
        target=target,
        shortfall_price_cny_per_kwh=max(SHORTFALL_LEAST, SHORTFALL_FACTOR * dearest),
        overshoot_price_cny_per_kwh=max(OVERSHOOT_LEAST, OVERSHOOT_FACTOR * dearest),
        reference_kw={} if target is None else _planned(ids, keys, grid, issued_at, keyed),
        running_calls={key: row.running_periods for key, row in keyed.items() if row.running_periods},
        terminal_value_cny_per_kwh=prices.terminal_value_cny_per_kwh,
        groups=groups,
        group_of=group_of,
        generators=frozenset(key for key, row in keyed.items() if kind_of(row.kind).green),
    )
    objective = queries.objective_on(portfolio_id=portfolio_id, day=day)
    public = {site_keys[site_id]: str(row.public_id) for site_id, row in site_rows.items()}
    return Gathered(problem, keyed, {keys[asset_id]: asset_id for asset_id in ids}, public, notes, objective)


def _groups(site_keys: Mapping[int, str], keys: Mapping[int, str]) -> tuple[dict[str, GroupProblem], dict[str, str]]:
    """Feeders and transformers by "site key:code", and the innermost one of each asset."""
    feeders = assets.feeders_of(site_ids=site_keys, asset_ids=keys)
    named = {feeder.feeder_id: f"{site_keys[feeder.site_id]}:{feeder.code}" for feeder in feeders}
    groups = {
        named[feeder.feeder_id]: GroupProblem(
            site=site_keys[feeder.site_id],
            import_limit_kw=feeder.import_limit_kw,
            export_limit_kw=feeder.export_limit_kw,
            parent=None if feeder.parent_id is None else named[feeder.parent_id],
        )
        for feeder in feeders
    }
    return groups, {keys[asset_id]: named[feeder.feeder_id] for feeder in feeders for asset_id in feeder.asset_ids}


def _envelopes(
    members: list[assets.Member], run_id: int, weather_run_id: int | None, drift_kw: Mapping[int, float]
) -> dict[int | None, Envelope]:
    found = forecasts.envelopes(run_id=run_id, level="expected")
    if weather_run_id is not None:
        newer = forecasts.envelopes(run_id=weather_run_id, level="expected")
        weather = [m.asset_id for m in members if kind_of(m.kind).green and m.asset_id in newer]
        found |= {asset_id: newer[asset_id] for asset_id in weather if newer[asset_id].quality in USABLE}
    for member in members:
        if member.asset_id in drift_kw and member.asset_id in found:
            found[member.asset_id] = drifted(found[member.asset_id], by_kw=drift_kw[member.asset_id], rated_kw=member.spec.rated_kw)
    return found


def _bright(
    members: list[assets.Member], sites: Mapping[int, assets.SiteFacts], grid: Grid, run_id: int, weather_run_id: int | None
) -> dict[int, np.ndarray]:
    """P90 of sun and wind of sites with a rule of export, on `grid` [kW]; the newer forecast where there is one."""
    ruled = {site_id for site_id, row in sites.items() if row.export_share_ratio is not None or row.export_limit_kw <= 0}
    wanted = [m.asset_id for m in members if m.site_id in ruled and kind_of(m.kind).green]
    if not wanted:
        return {}
    found: dict[int, np.ndarray] = {}
    for one in (run_id, weather_run_id):
        if one is not None:
            quantiles = forecasts.quantiles(run_id=one, grid=grid)
            rows = {asset_id: quantiles[asset_id].p90 for asset_id in wanted if asset_id in quantiles}
            found |= {asset_id: p90 for asset_id, p90 in rows.items() if p90.shape == (len(grid),)}
    return found


def _free_peaks(members: list[assets.Member], grid: Grid, run_id: int, issued_at: datetime) -> dict[int, float]:
    """Per site id the import [kW] that a plan may reach without cost: the month's record so far, less how much more than expected
    the site may draw. That is the P10 of injection, the errors of its assets taken as independent, mean over the periods.
    """
    records = queries.month_peaks_kw(members=members, before=grid.starts_at, known_at=issued_at)
    quantiles = forecasts.quantiles(run_id=run_id, grid=grid)
    squares = dict.fromkeys(records, 0.0)
    for member in members:
        known = quantiles.get(member.asset_id)
        if known is not None and np.isfinite(known.mean).all() and np.isfinite(known.p10).all():
            squares[member.site_id] += float(np.maximum(0.0, known.mean - known.p10).mean()) ** 2
    return {site_id: max(0.0, record - squares[site_id] ** 0.5) for site_id, record in records.items()}


def _planned(ids: list[int], keys: dict[int, str], grid: Grid, issued_at: datetime, facts: dict[str, AssetFacts]) -> dict[str, np.ndarray]:
    """What every asset would do without the new target: its open setpoints, elsewhere its base."""
    planned = {keys[i]: facts[keys[i]].envelope.base_kw.copy() for i in ids if facts[keys[i]].movable}
    for row in queries.in_force(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=issued_at):
        if keys[row.asset_id] in planned and row.planned_kw is not None:
            planned[keys[row.asset_id]][grid.window(row.starts_at, row.ends_at)] = row.planned_kw
    return planned

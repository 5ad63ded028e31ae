"""Gather what a plan is made from: members, envelopes, states of charge, calls used, outages, prices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets import queries as assets
from aggregator.assets.domain import Envelope, kind_of
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.dispatch import queries
from aggregator.dispatch.domain import (
    USABLE,
    AssetFacts,
    FirmBlock,
    ProblemRefused,
    ScheduleProblem,
    SiteProblem,
    Target,
    device_of,
    drifted,
    piece_of,
    unmovable,
)
from aggregator.forecasts import queries as forecasts
from aggregator.gateways import queries as gateways
from aggregator.kernel.periods import Grid, day_of, midnight
from aggregator.telemetry import queries as telemetry

FRESH_SOC = timedelta(minutes=30)
SHORTFALL_FACTOR, SHORTFALL_LEAST = 20.0, 20.0  # CNY/kWh: a promise goes before any price
OVERSHOOT_FACTOR, OVERSHOOT_LEAST = 1.5, 1.0


@dataclass(frozen=True)
class Prices:
    """Per period of the grid [CNY/kWh]; per site id the cost of importing on top, and the demand price [CNY/kW]."""

    injection_value_cny_per_kwh: np.ndarray
    import_adder_cny_per_kwh: Mapping[int, np.ndarray]
    demand_price_cny_per_kw: Mapping[int, float]
    terminal_value_cny_per_kwh: float

    def tail(self, first: int) -> "Prices":
        adders = {site: values[first:] for site, values in self.import_adder_cny_per_kwh.items()}
        return replace(self, injection_value_cny_per_kwh=self.injection_value_cny_per_kwh[first:], import_adder_cny_per_kwh=adders)


@dataclass(frozen=True)
class Gathered:
    """A problem with the way back to rows: `ids` names the asset of each key, `sites` the public id of each site."""

    problem: ScheduleProblem
    facts: dict[str, AssetFacts]
    ids: dict[str, int]
    sites: dict[str, str]
    notes: list[dict[str, str]] = field(default_factory=list)


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
        raise ProblemRefused(why="there is nothing to plan: no members or no periods")
    site_rows = {site.site_id: site for site in assets.sites_on(portfolio_id=portfolio_id, day=day)}
    site_keys = {site_id: f"{row.enterprise_code}/{row.code}" for site_id, row in site_rows.items()}
    ids = [member.asset_id for member in members]
    keys = {m.asset_id: f"{site_keys[m.site_id]}/{m.code}" for m in members}
    notes: list[dict[str, str]] = []
    foreseen = _envelopes(members, run_id, weather_run_id, drift_kw or {})
    facts = _Members(members, keys, grid, foreseen, issued_at, frozenset(excluded), notes).facts()
    peaks = _peaks(members, grid, issued_at) if any(prices.demand_price_cny_per_kw.values()) else {}
    sites = {}
    for site_id, row in site_rows.items():
        if site_id not in prices.import_adder_cny_per_kwh:
            raise ProblemRefused(why=f"site {row.code} has no import price")
        sites[site_keys[site_id]] = SiteProblem(
            import_limit_kw=row.import_limit_kw,
            export_limit_kw=row.export_limit_kw,
            import_adder_cny_per_kwh=prices.import_adder_cny_per_kwh[site_id],
            demand_price_cny_per_kw=float(prices.demand_price_cny_per_kw.get(site_id, 0.0)),
            peak_so_far_kw=peaks.get(site_id, 0.0),
        )
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
    )
    public = {site_keys[site_id]: str(row.public_id) for site_id, row in site_rows.items()}
    return Gathered(problem, keyed, {keys[asset_id]: asset_id for asset_id in ids}, public, notes)


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


class _Members:
    """AssetFacts of every member, read in a handful of queries."""

    def __init__(
        self,
        members: list[assets.Member],
        keys: dict[int, str],
        grid: Grid,
        envelopes: Mapping[int | None, Envelope],
        issued_at: datetime,
        excluded: frozenset[int],
        notes: list[dict[str, str]],
    ) -> None:
        self.members, self.keys, self.grid, self.issued_at, self.excluded, self.notes = members, keys, grid, issued_at, excluded, notes
        ids = [member.asset_id for member in members]
        self.envelopes = envelopes
        self.latest = telemetry.latest(asset_ids=ids, at=issued_at)
        self.channels = gateways.channels(asset_ids=ids)
        out = assets.commitments(
            asset_ids=ids, starts_at=max(grid.starts_at, issued_at), ends_at=grid.ends_at, known_at=issued_at, kinds=("outage", "opt_out")
        )
        self.out = {window.asset_id for window in out}
        day = midnight(day_of(grid.starts_at))
        self.told = queries.in_force(asset_ids=ids, starts_at=min(day, issued_at), ends_at=grid.ends_at, known_at=issued_at)

    def facts(self) -> dict[int, AssetFacts]:
        return {member.asset_id: self._one(member) for member in self.members}

    def _note(self, member: assets.Member, note: str) -> None:
        self.notes.append({"asset": str(member.public_id), "note": note})

    def _one(self, member: assets.Member) -> AssetFacts:
        whole = self.envelopes.get(member.asset_id)
        if whole is None or not np.isfinite(whole.base_kw).all():
            raise ProblemRefused(why=f"asset {member.code} has no forecast")
        site = self.keys[member.asset_id].rsplit("/", 1)[0]
        facts = AssetFacts(site=site, kind=member.kind, spec=member.spec, envelope=self._piece(member, whole))
        if facts.envelope.quality != "good":
            self._note(member, f"envelope_{facts.envelope.quality}")
        barred = self._barred(member)
        if barred:
            self._note(member, barred)
            return replace(facts, movable=False, envelope=self._as_it_is(member, facts.envelope, barred))
        if isinstance(member.spec, StorageSpec):
            facts = replace(facts, stored_kwh=self._stored(member, member.spec))
        if isinstance(member.spec, LoadSpec):
            facts = self._calls(member, facts)
        return facts

    def _barred(self, member: assets.Member) -> str:
        if member.asset_id in self.excluded:
            return "excluded"
        if member.asset_id in self.out:
            return "outage"
        return "" if member.asset_id in self.channels else "no_gateway"

    def _as_it_is(self, member: assets.Member, envelope: Envelope, barred: str) -> Envelope:
        """A storage that does not obey goes on with what it was last seen doing; anything else follows its base."""
        last = self.latest.get(member.asset_id)
        if barred == "excluded" and isinstance(member.spec, StorageSpec) and last is not None and last.injection_kw is not None:
            return unmovable(self.grid, injection_kw=np.full(len(self.grid), last.injection_kw))
        return unmovable(self.grid, injection_kw=envelope.base_kw)

    def _piece(self, member: assets.Member, whole: Envelope) -> Envelope:
        done = None
        if member.kind == "ev_station" and self.grid.starts_at > whole.grid.starts_at and self.issued_at > whole.grid.starts_at:
            elapsed = Grid(
                whole.grid.starts_at, whole.grid.resolution, (self.grid.starts_at - whole.grid.starts_at) // whole.grid.resolution
            )
            measured = telemetry.power(asset_ids=[member.asset_id], grid=elapsed, known_at=self.issued_at)[0]
            filled = np.where(np.isfinite(measured), measured, whole.base_kw[: len(elapsed)])
            done = float(filled.sum() * elapsed.hours)
        return piece_of(whole, self.grid, injected_kwh=done)

    def _stored(self, member: assets.Member, spec: StorageSpec) -> float:
        """State of charge at the grid's start: the last one told, moved by what was told to do until then."""
        last = self.latest.get(member.asset_id)
        if last is None or last.soc_ratio is None:
            self._note(member, "soc_assumed")
            stored, since = spec.energy_kwh * spec.soc_initial_ratio, self.issued_at
        else:
            if self.issued_at - last.ends_at > FRESH_SOC:
                self._note(member, "soc_stale")
            stored, since = spec.energy_kwh * last.soc_ratio, last.ends_at
        for row in self.told:
            if row.asset_id != member.asset_id or row.kind != "injection_kw":
                continue
            hours = (min(row.ends_at, self.grid.starts_at) - max(row.starts_at, since)) / timedelta(hours=1)
            if hours > 0:
                change = -row.value_kw * (spec.charge_efficiency if row.value_kw < 0 else 1 / spec.discharge_efficiency)
                held = stored + hours * change
                stored = min(max(held, min(stored, spec.floor_kwh)), max(stored, spec.ceiling_kwh))
        return float(stored)

    def _calls(self, member: assets.Member, facts: AssetFacts) -> AssetFacts:
        """Interruptions of the day so far: over, or running when the grid starts."""
        day = midnight(day_of(self.grid.starts_at))
        runs: list[list[datetime]] = []
        for row in self.told:
            if (
                row.asset_id != member.asset_id
                or row.reason in ("released", "stopped")
                or row.ends_at <= day
                or row.starts_at >= self.issued_at
            ):
                continue
            if runs and row.starts_at <= runs[-1][1]:
                runs[-1][1] = max(runs[-1][1], row.ends_at)
            else:
                runs.append([row.starts_at, row.ends_at])
        running = 0
        if runs and runs[-1][1] >= self.issued_at and self.grid.starts_at <= self.issued_at:
            # A call that began in this very period counts as one period old: it must not seem to be another one.
            running = max(1, (self.grid.starts_at - runs.pop()[0]) // self.grid.resolution)
        ready = self.issued_at + timedelta(seconds=facts.envelope.notice_s)
        notice = max(0, -((self.grid.starts_at - ready) // self.grid.resolution))
        return replace(facts, calls_used=len(runs), running_periods=running, notice_periods=notice)


def _planned(ids: list[int], keys: dict[int, str], grid: Grid, issued_at: datetime, facts: dict[str, AssetFacts]) -> dict[str, np.ndarray]:
    """What every asset would do without the new target: its open setpoints, elsewhere its base."""
    planned = {keys[i]: facts[keys[i]].envelope.base_kw.copy() for i in ids if facts[keys[i]].movable}
    for row in queries.in_force(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=issued_at):
        if keys[row.asset_id] in planned and row.planned_kw is not None:
            planned[keys[row.asset_id]][grid.window(row.starts_at, row.ends_at)] = row.planned_kw
    return planned


def _peaks(members: list[assets.Member], grid: Grid, issued_at: datetime) -> dict[int, float]:
    """Per site the day's largest import so far [kW], where telemetry shows all of its assets."""
    day = midnight(day_of(grid.starts_at))
    n = (min(grid.starts_at, issued_at) - day) // grid.resolution
    if n <= 0:
        return {}
    power = telemetry.power(asset_ids=[m.asset_id for m in members], grid=Grid(day, grid.resolution, n), known_at=issued_at)
    peaks = {}
    for site_id in sorted({m.site_id for m in members}):
        net = power[[k for k, m in enumerate(members) if m.site_id == site_id]].sum(axis=0)
        known = net[np.isfinite(net)]
        peaks[site_id] = max(0.0, float(-known.min())) if len(known) else 0.0
    return peaks

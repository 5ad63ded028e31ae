"""What a plan means for single assets: the forecast, what the plan makes of it, and why. Both faces show it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from aggregator.assets.domain import Command, Drive, kind_of, storage
from aggregator.assets.queries import Member
from aggregator.dispatch.queries import PlanFacts, SetpointFacts, setpoints_of
from aggregator.forecasts.models import AvailabilityForecast
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4
from aggregator.telemetry import queries as telemetry
from vpp.charting import edges, nullable

FULL_POWER = ("plugged_power", "departure_need")  # cars that catch up are not told to


@dataclass(frozen=True)
class AssetPlan:
    """Arrays have the plan's periods [kW injection, kWh]; NaN where a value is not known.

    forecast_kw: without us. planned_kw: what the plan expects. stored_kwh, stored_measured_kwh: at the end of each period,
    storage only; the first is None where no state of charge was measured at the plan's start. why: reason and limit codes.
    """

    member: Member
    grid: Grid
    forecast_kw: np.ndarray
    planned_kw: np.ndarray
    measured_kw: np.ndarray
    stored_kwh: np.ndarray | None
    stored_measured_kwh: np.ndarray | None
    price_cny_per_mwh: np.ndarray
    why: list[dict[str, Any]]
    setpoints: dict[int, SetpointFacts]

    def as_json(self, *, reasons: list[str]) -> dict[str, Any]:
        """`reasons`: the periods' reasons in words."""
        stored = {"stored_kwh": self.stored_kwh, "stored_measured_kwh": self.stored_measured_kwh}
        return {
            "edges": edges(self.grid),
            "forecast_kw": nullable(self.forecast_kw),
            "planned_kw": nullable(self.planned_kw),
            "measured_kw": nullable(self.measured_kw),
            "price_cny_per_mwh": nullable(self.price_cny_per_mwh),
            **{name: None if values is None else nullable(values) for name, values in stored.items()},
            "reasons": reasons,
        }

    def rows(self) -> list[dict[str, Any]]:
        """The chart as a table: one row a period."""
        columns = {name: nullable(getattr(self, name)) for name in ("forecast_kw", "planned_kw", "measured_kw", "price_cny_per_mwh")}
        stored = nullable(self.stored_kwh) if self.stored_kwh is not None else [None] * len(self.grid)
        return [
            {
                "at": at,
                **{name: values[k] for name, values in columns.items()},
                "stored_kwh": stored[k],
                "why": self.why[k],
                "setpoint": self.setpoints.get(k),
            }
            for k, at in enumerate(self.grid.starts)
        ]


@dataclass(frozen=True)
class Foreseen:
    """Of one asset on the plan's grid [kW injection]: without us, and the most it can draw (as a lowest injection)."""

    base_kw: np.ndarray
    lowest_kw: np.ndarray


@dataclass(frozen=True)
class Moved:
    """One asset in a plan, summed up [kWh >= 0]: drawn and fed in, and how far the plan is from the forecast.

    reasons: [(reason code, hours)], the longest first. `known`: there is a forecast for every period.
    """

    member: Member
    drawn_kwh: float
    fed_in_kwh: float
    more_kwh: float
    less_kwh: float
    reasons: list[tuple[str, float]]
    known: bool


def price_cny_per_mwh(plan: PlanFacts) -> np.ndarray:
    """What the plan took energy to be worth; NaN where that is not kept (a stop)."""
    values = plan.inputs.get("injection_value_cny_per_kwh")
    return 1000 * np.array(values) if values and len(values) == len(plan.grid) else np.full(len(plan.grid), np.nan)


def moves(*, plan: PlanFacts, members: Sequence[Member]) -> list[Moved]:
    """In the order of `members`."""
    setpoints = _by_asset(plan, members)
    foreseen, why = _foreseen(plan, members), _why(plan, members)
    return [
        _moved(plan.grid.hours, member, foreseen[member.asset_id], setpoints.get(member.asset_id, {}), why[member.asset_id])
        for member in members
    ]


def _moved(hours: float, member: Member, foreseen: Foreseen, setpoints: dict[int, SetpointFacts], why: list[dict[str, Any]]) -> Moved:
    planned = _planned(foreseen, setpoints, why)
    change = np.nan_to_num(planned - foreseen.base_kw)
    lasted: dict[str, float] = {}
    for row in why:
        lasted[row["reason"]] = lasted.get(row["reason"], 0.0) + hours
    return Moved(
        member=member,
        drawn_kwh=hours * float(-np.nansum(np.minimum(planned, 0.0))),
        fed_in_kwh=hours * float(np.nansum(np.maximum(planned, 0.0))),
        more_kwh=hours * float(np.maximum(change, 0.0).sum()),
        less_kwh=hours * float(-np.minimum(change, 0.0).sum()),
        reasons=sorted(((code, span) for code, span in lasted.items() if code), key=lambda row: -row[1]),
        known=bool(np.isfinite(planned).all()),
    )


def asset_plan(*, plan: PlanFacts, member: Member, now: datetime) -> AssetPlan:
    """Everything known at `now` of one asset in one plan."""
    setpoints = _by_asset(plan, [member]).get(member.asset_id, {})
    foreseen, why = _foreseen(plan, [member])[member.asset_id], _why(plan, [member])[member.asset_id]
    planned = _planned(foreseen, setpoints, why)
    measured = telemetry.power(asset_ids=[member.asset_id], grid=plan.grid, known_at=now)[0]
    stored, seen = _stored(plan.grid, member, planned, now)
    return AssetPlan(
        member=member,
        grid=plan.grid,
        forecast_kw=foreseen.base_kw,
        planned_kw=planned,
        measured_kw=measured,
        stored_kwh=stored,
        stored_measured_kwh=seen,
        price_cny_per_mwh=price_cny_per_mwh(plan),
        why=why,
        setpoints=setpoints,
    )


def key_of(member: Member) -> str:
    """How a plan names an asset in its explanations."""
    return f"{member.enterprise_code}/{member.site_code}/{member.code}"


def _by_asset(plan: PlanFacts, members: Sequence[Member]) -> dict[int, dict[int, SetpointFacts]]:
    """asset id -> period -> its setpoint; the last one where the running period has two."""
    found: dict[int, dict[int, SetpointFacts]] = {}
    for one in setpoints_of(plan_ids=[plan.id], asset_ids=[member.asset_id for member in members]):
        if plan.grid.starts_at <= one.starts_at < plan.grid.ends_at:
            found.setdefault(one.asset_id, {})[plan.grid.index(one.starts_at)] = one
    return found


def _foreseen(plan: PlanFacts, members: Sequence[Member]) -> dict[int, Foreseen]:
    """What the plan was made with: of its run, of a newer one for wind and sun, and shifted where loads had drifted."""
    missing = np.full(len(plan.grid), np.nan)
    if plan.forecast_run_id is None:
        return {member.asset_id: Foreseen(missing, missing) for member in members}
    ids = [member.asset_id for member in members]
    found = _read(plan.grid, plan.forecast_run_id, ids)
    newer = plan.inputs.get("weather_run_id")
    if newer is not None:
        found |= _read(plan.grid, newer, [member.asset_id for member in members if kind_of(member.kind).green])
    drift = plan.inputs.get("drift_kw", {})
    for member in members:
        by_kw = drift.get(str(member.asset_id))
        if by_kw is not None and member.asset_id in found:
            one = found[member.asset_id]
            shift = np.clip(by_kw, -member.spec.rated_kw - one.lowest_kw, np.maximum(0.0, -one.base_kw))
            found[member.asset_id] = Foreseen(one.base_kw + shift, one.lowest_kw + shift)
    return {asset_id: found.get(asset_id, Foreseen(missing, missing)) for asset_id in ids}


def _read(grid: Grid, run_id: int, asset_ids: Collection[int]) -> dict[int, Foreseen]:
    rows = AvailabilityForecast.objects.filter(run_id=run_id, level="expected", asset_id__in=asset_ids).select_related("run")
    found = {}
    for row in rows:
        run = row.run
        first = round((grid.starts_at - run.starts_at).total_seconds() / run.resolution_s)
        if row.asset_id is not None and run.resolution_s == grid.resolution.total_seconds() and 0 <= first <= run.n_periods - len(grid):
            base, lowest = (unpack_f4(values)[first : first + len(grid)] for values in (row.base_kw, row.min_kw))
            found[row.asset_id] = Foreseen(base, lowest)
    return found


def _planned(foreseen: Foreseen, setpoints: dict[int, SetpointFacts], why: list[dict[str, Any]]) -> np.ndarray:
    """Where a plan sends no setpoint the asset runs by itself: as forecast, and cars that catch up at all that is plugged."""
    full = np.array([row["limit"] in FULL_POWER for row in why])
    planned = np.where(full, foreseen.lowest_kw, foreseen.base_kw)
    for period, one in setpoints.items():
        if one.reason != "released":  # takes an older setpoint back and asks nothing
            planned[period] = np.nan if one.planned_kw is None else one.planned_kw
    return planned


def _stored(grid: Grid, member: Member, planned_kw: np.ndarray, now: datetime) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Of a storage: from what was measured when the plan began, moved by the plan; and as it was measured."""
    spec = member.spec
    if not isinstance(spec, storage.StorageSpec):
        return None, None
    before = Grid(grid.starts_at - grid.resolution, grid.resolution, len(grid) + 1)
    seen = spec.energy_kwh * telemetry.soc(asset_ids=[member.asset_id], grid=before, known_at=now)[0]
    if not np.isfinite(seen[0]) or not np.isfinite(planned_kw).all():
        return None, seen[1:]
    state, stored = storage.State(float(seen[0])), np.empty(len(grid))
    for k, kw in enumerate(planned_kw):
        asked = Command(storage.SETPOINT_KIND, float(kw))
        state, _ = storage.step(spec, state, drive=Drive(), command=asked, at_hours=k * grid.hours, hours=grid.hours)
        stored[k] = state.stored_kwh
    return stored, seen[1:]


def _why(plan: PlanFacts, members: Sequence[Member]) -> dict[int, list[dict[str, Any]]]:
    """asset id -> reason, limit and the limit's largest price per period; a plan keeps only where they change. Empty codes where
    it says nothing.
    """
    ids = {key_of(member): member.asset_id for member in members}
    silent: dict[str, Any] = {"reason": "", "limit": "", "price_cny_per_kwh": None}
    out = {asset_id: [silent] * len(plan.grid) for asset_id in ids.values()}
    for row in plan.explanations:  # by asset and time: a later one rules from its start on
        if row["asset"] in ids:
            first = plan.grid.index(datetime.fromisoformat(row["starts_at"]))
            rest = {"reason": row["reason"], "limit": row["limit"], "price_cny_per_kwh": row.get("price_cny_per_kwh")}
            out[ids[row["asset"]]][first:] = [rest] * (len(plan.grid) - first)
    return out

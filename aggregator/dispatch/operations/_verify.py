"""Acknowledged is not followed: compare setpoints with telemetry, raise alarms, and make up for what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets import queries as assets
from aggregator.assets.domain import Spec, kind_of
from aggregator.assets.operations import write_commitment
from aggregator.dispatch import queries
from aggregator.dispatch.domain.verification import Finding, judge, mean_kw
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.dispatch.operations._send import gateway_unreachable
from aggregator.forecasts import queries as forecasts
from aggregator.gateways import queries as gateways
from aggregator.kernel.fingerprint import fingerprint
from aggregator.kernel.periods import Grid, day_of
from aggregator.support.alarms import clear_alarm, raise_alarm
from aggregator.support.jobs import enqueue
from aggregator.telemetry import queries as telemetry

CELL = timedelta(minutes=5)
SILENT = timedelta(minutes=20)
GRACE = timedelta(minutes=15)  # telemetry may be this late before "unverified" is said
ALERT = ("instruction", "redispatch")  # checked while they run, not only at the end of the period
UNDERDELIVERY_RATIO, UNDERDELIVERY_KW = 0.05, 5.0
CELLS_TO_ACT = 2  # one cell may be a car or a cloud; two are planned for again


@dataclass(frozen=True)
class VerifyReport:
    followed: int
    contradicted: int
    unverified: int
    expired: int
    redispatch_of: str = ""


def verify(*, portfolio_id: int, now: datetime) -> VerifyReport:
    """Decide every setpoint whose time has come; enqueue a re-dispatch where an instruction lost assets.

    Idempotent: a decided setpoint is not decided again, and a re-dispatch happens once per set of causes.
    """
    _silent_gateways(portfolio_id, now)
    expired = _expire(portfolio_id, now)
    rows = list(
        Setpoint.objects.filter(
            plan__portfolio_id=portfolio_id, outcome="pending", state__in=("sent", "accepted", "rejected"), starts_at__lte=now - CELL
        )
        .select_related("plan", "asset__site__enterprise")
        .prefetch_related("acknowledgements")
        .order_by("starts_at", "asset__code", "pk")
    )
    findings = _findings(rows, now)
    counts = {"followed": 0, "contradicted": 0, "unverified": 0}
    for row, finding in findings:
        decided = Setpoint.objects.filter(pk=row.pk, outcome="pending").update(
            outcome=finding.outcome, measured_kw=finding.measured_kw, tolerance_kw=finding.tolerance_kw, checked_at=now
        )
        counts[finding.outcome] += decided
        if finding.outcome == "contradicted":
            _alarm(row, finding, now)
    plan = _running_target(portfolio_id, now)
    again = ""
    if plan is not None:
        short = _check_delivery(plan, now)
        again = _make_up(plan, now, short=short)
    return VerifyReport(counts["followed"], counts["contradicted"], counts["unverified"], expired, again)


def _expire(portfolio_id: int, now: datetime) -> int:
    """Not acknowledged in time: the assets are at their fallback, and nobody can say that they followed."""
    late = Setpoint.objects.filter(plan__portfolio_id=portfolio_id, state__in=("planned", "sent"), acknowledge_by__lte=now)
    pairs = set(late.values_list("plan_id", "asset_id"))
    if not pairs:
        return 0
    plans = {plan.pk: plan for plan in DispatchPlan.objects.filter(pk__in={plan_id for plan_id, _ in pairs})}
    channels = gateways.channels(asset_ids={asset_id for _, asset_id in pairs})
    count = late.update(state="expired", outcome="unverified", checked_at=now)
    for plan_id, asset_id in sorted(pairs):
        if asset_id in channels:
            gateway_unreachable(plan=plans[plan_id], facts=channels[asset_id], now=now, why="not acknowledged in time")
    return count


def _findings(rows: Sequence[Setpoint], now: datetime) -> list[tuple[Setpoint, Finding]]:
    if not rows:
        return []
    ids = sorted({row.asset_id for row in rows})
    members = assets.assets_by_id(asset_ids=ids)
    latest = telemetry.latest(asset_ids=ids, at=now)
    # An asset that samples slowly cannot be judged in finer cells: a sample may begin before the setpoint.
    step = {i: max(CELL, timedelta(seconds=latest[i].resolution_s) if i in latest else CELL) for i in ids}
    found: list[tuple[Setpoint, Finding]] = []
    for length in sorted(set(step.values())):
        mine = [i for i in ids if step[i] == length]
        chosen = [row for row in rows if step[row.asset_id] == length]
        first = _floor(min(row.starts_at for row in chosen), length)
        grid = Grid(first, length, max(0, (now - first) // length))
        power = telemetry.power(asset_ids=mine, grid=grid, known_at=now)
        for row in chosen:
            inside = grid.window(_ceil(_since(row), length), _floor(min(row.ends_at, now), length))
            finding = _decide(row, power[mine.index(row.asset_id), inside], members[row.asset_id].spec, now)
            if finding is not None:
                found.append((row, finding))
    return found


def _since(row: Setpoint) -> datetime:
    """From when on the asset can show it: not before its gateway said that it has the setpoint."""
    heard = [claim.received_at for claim in row.acknowledgements.all() if claim.state == "accepted"]
    return max([row.starts_at, *heard])


def _decide(row: Setpoint, cells: np.ndarray, spec: Spec, now: datetime) -> Finding | None:
    """At the period's end by its mean; during an instruction a contradiction counts at once. While an asset settles, its mean of
    the whole period says whether it follows; a period that was cut short before that says nothing.
    """
    rated_kw = spec.rated_kw
    settled_at = row.starts_at + timedelta(minutes=spec.settling_minutes)
    if now >= row.ends_at:
        cut = row.ends_at - row.starts_at < timedelta(seconds=row.plan.resolution_s)
        seen = cells[:0] if cut and row.ends_at <= settled_at else cells
        finding = judge(kind=row.kind, value_kw=row.value_kw, measured_kw=mean_kw(seen), rated_kw=rated_kw)
        complete = len(cells) and np.isfinite(cells).all()
        return finding if complete or now >= row.ends_at + GRACE else None
    if row.plan.purpose not in ALERT or row.state == "sent" or not len(cells) or now - CELL < settled_at:
        return None
    finding = judge(kind=row.kind, value_kw=row.value_kw, measured_kw=mean_kw(cells[-1:]), rated_kw=rated_kw)
    return finding if finding.outcome == "contradicted" else None


def _floor(at: datetime, step: timedelta) -> datetime:
    seconds = int(step.total_seconds())
    return at - timedelta(seconds=at.timestamp() % seconds)


def _ceil(at: datetime, step: timedelta) -> datetime:
    floor = _floor(at, step)
    return floor if floor == at else floor + step


def _alarm(row: Setpoint, finding: Finding, now: datetime) -> None:
    """Acknowledged but not done is an outage; a setpoint that was refused or not answered only failed."""
    if row.state != "accepted":
        return
    facts = {
        "asset": row.asset.code,
        "kind_of_setpoint": row.kind,
        "value_kw": row.value_kw,
        "measured_kw": finding.measured_kw,
        "starts_at": row.starts_at.isoformat(),
    }
    key, enterprise = f"{row.plan.public_id}:{row.asset.public_id}", row.asset.site.enterprise.code
    if kind_of(row.asset.kind).owner_first:  # no disobedience, but what it was to give is missing all the same
        raise_alarm(kind="setpoint.owner_need", key=key, severity="info", at=now, enterprise_code=enterprise, **facts)
        return
    target_ends = _target_ends(row.plan)
    write_commitment(
        asset_id=row.asset_id,
        kind="outage",
        starts_at=row.starts_at,
        ends_at=max(row.ends_at, target_ends or row.ends_at),
        available_at=now,
        reference=f"setpoint {row.public_id}",
    )
    severity = "critical" if row.plan.purpose in ALERT else "warning"
    raise_alarm(kind="setpoint.contradicted", key=key, severity=severity, at=now, enterprise_code=enterprise, **facts)


def _target_ends(row: DispatchPlan) -> datetime | None:
    plan = queries.plan(plan_id=row.pk)
    wanted = np.flatnonzero(np.isfinite(plan.target_kw))
    return plan.grid.starts[wanted[-1]] + plan.grid.resolution if len(wanted) else None


def _running_target(portfolio_id: int, now: datetime) -> queries.PlanFacts | None:
    """The plan that rules now, if it has a target that is not over."""
    plan = queries.current_plan(portfolio_id=portfolio_id, at=now)
    if plan is None or plan.purpose not in ALERT:
        return None
    wanted = np.flatnonzero(np.isfinite(plan.target_kw))
    return plan if len(wanted) and plan.grid.starts[wanted[-1]] + plan.grid.resolution > now else None


def _make_up(plan: queries.PlanFacts, now: datetime, *, short: bool) -> str:
    """Enqueue a re-dispatch: without the assets that refused, did not answer, fell silent or do not follow; and with what is
    known by now where the portfolio is short (weather, loads), once per period of the plan."""
    rows = Setpoint.objects.filter(plan_id=plan.id, ends_at__lte=plan.grid.ends_at).exclude(reason="released").select_related("asset")
    failed = [*rows.filter(state__in=("rejected", "expired")), *rows.filter(outcome="contradicted")]
    failed += _silent(list(rows.filter(outcome="unverified", state="accepted")), now)
    ids = {row.asset_id: row.asset.code for row in failed}
    fresh = sorted(set(ids) - set(plan.inputs["excluded"]), key=lambda pk: (ids[pk], pk))
    if not (fresh or short) or queries.active_stop(portfolio_id=plan.portfolio_id) is not None:
        return ""
    cause = f"short {_floor(now, plan.grid.resolution).isoformat()}" if short else ""
    key = fingerprint([str(plan.public_id), [ids[pk] for pk in fresh], cause])[:16]
    enqueue(
        name="aggregator.dispatch.redispatch",
        key=f"{plan.public_id}:{key}",
        payload={"plan_id": plan.id, "failed_asset_ids": fresh, "cause": cause},
    )
    return str(plan.public_id)


def _silent(rows: Sequence[Setpoint], now: datetime) -> list[Setpoint]:
    """Those whose assets have told nothing since. An asset that speaks had a setpoint too short to be seen: no failure."""
    latest = telemetry.latest(asset_ids=sorted({row.asset_id for row in rows}), at=now)
    return [row for row in rows if row.asset_id not in latest or latest[row.asset_id].ends_at < row.ends_at]


def _without_us(plan: queries.PlanFacts, asset_ids: Sequence[int], grid: Grid) -> np.ndarray:
    """(n_assets, n_periods) kW of the plan's forecast; NaN where there is none."""
    out = np.full((len(asset_ids), len(grid)), np.nan)
    if plan.forecast_run_id is None:
        return out
    envelopes = forecasts.envelopes(run_id=plan.forecast_run_id, level="expected")
    for row, asset_id in zip(out, asset_ids, strict=True):
        envelope = envelopes.get(asset_id)
        if envelope is not None:
            row[:] = [envelope.base_kw[envelope.grid.index(at)] for at in grid.starts]
    return out


def _silent_gateways(portfolio_id: int, now: datetime) -> None:
    """An alarm for every gateway that was heard before and is not any more; over when it speaks again."""
    members = assets.members_on(portfolio_id=portfolio_id, day=day_of(now))
    facts = {found.id: found for found in gateways.channels(asset_ids=[m.asset_id for m in members]).values()}
    for found in facts.values():
        if found.last_seen_at is None:
            continue
        key = str(found.public_id)
        if now - found.last_seen_at > SILENT:
            since = found.last_seen_at.isoformat()
            code = found.enterprise_code
            raise_alarm(kind="gateway.silent", key=key, severity="critical", at=now, enterprise_code=code, gateway=found.code, since=since)
        else:
            clear_alarm(kind="gateway.silent", key=key, at=now)


def _check_delivery(plan: queries.PlanFacts, now: datetime) -> bool:
    """The portfolio as a whole against the target. Short: an alarm, and True.

    A silent asset is counted at its forecast without us: what cannot be seen is not claimed as help.
    """
    wanted = np.flatnonzero(np.isfinite(plan.target_kw))
    starts_at = _ceil(max(plan.grid.starts[wanted[0]], plan.issued_at), CELL)
    n = max(0, (_floor(now, CELL) - starts_at) // CELL)
    members = assets.members_on(portfolio_id=plan.portfolio_id, day=day_of(plan.grid.starts_at))
    if n == 0 or not members:
        return False
    grid = Grid(starts_at, CELL, n)
    ids = [m.asset_id for m in members]
    heard = telemetry.power(asset_ids=ids, grid=grid, known_at=now)
    total = np.where(np.isfinite(heard), heard, _without_us(plan, ids, grid)).sum(axis=0)
    asked = np.array([plan.target_kw[plan.grid.index(at)] for at in grid.starts])
    both = np.isfinite(total) & np.isfinite(asked)
    if not both.any():
        return False
    short_kw = float(plan.inputs["direction"] * (asked[both] - total[both]).mean())
    planned_short_kw = float(np.mean([plan.shortfall_kw[plan.grid.index(at)] for at in grid.starts]))
    allowed_kw = max(UNDERDELIVERY_KW, UNDERDELIVERY_RATIO * float(np.abs(asked[both]).mean()))
    short = short_kw > allowed_kw + planned_short_kw
    if short:
        raise_alarm(
            kind="instruction.underdelivery",
            key=plan.inputs["root"][:200],
            severity="warning",
            at=now,
            plan=str(plan.public_id),
            short_kw=round(short_kw, 3),
        )
    return short and both.sum() >= CELLS_TO_ACT

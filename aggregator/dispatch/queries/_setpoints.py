"""Setpoints: what was told, claimed and shown; and what assets are told now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from aggregator.dispatch.models import Setpoint

IN_FORCE = ("sent", "accepted")
OPEN = ("planned", "sent", "accepted", "rejected")


@dataclass(frozen=True)
class AcknowledgementFacts:
    state: str
    reason: str
    at: datetime
    received_at: datetime


@dataclass(frozen=True)
class SetpointFacts:
    """One setpoint with its claim (state, acknowledgements) and its evidence (outcome, measured)."""

    id: int
    public_id: UUID
    plan_id: int
    asset_id: int
    asset_code: str
    kind: str
    starts_at: datetime
    ends_at: datetime
    value_kw: float
    planned_kw: float | None
    fallback_kw: float
    reason: str
    limit: str
    state: str
    acknowledge_by: datetime
    outcome: str
    measured_kw: float | None
    tolerance_kw: float | None
    checked_at: datetime | None
    acknowledgements: tuple[AcknowledgementFacts, ...]


def setpoints_of(*, plan_ids: Collection[int], asset_ids: Collection[int] | None = None) -> list[SetpointFacts]:
    """By start, asset code and plan sequence."""
    rows = Setpoint.objects.filter(plan_id__in=plan_ids)
    if asset_ids is not None:
        rows = rows.filter(asset_id__in=asset_ids)
    ordered = rows.select_related("asset").prefetch_related("acknowledgements").order_by("starts_at", "asset__code", "plan__sequence")
    return [
        SetpointFacts(
            id=row.pk,
            public_id=row.public_id,
            plan_id=row.plan_id,
            asset_id=row.asset_id,
            asset_code=row.asset.code,
            kind=row.kind,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            value_kw=row.value_kw,
            planned_kw=row.planned_kw,
            fallback_kw=row.fallback_kw,
            reason=row.reason,
            limit=row.limit,
            state=row.state,
            acknowledge_by=row.acknowledge_by,
            outcome=row.outcome,
            measured_kw=row.measured_kw,
            tolerance_kw=row.tolerance_kw,
            checked_at=row.checked_at,
            acknowledgements=tuple(
                AcknowledgementFacts(a.state, a.reason, a.at, a.received_at)
                for a in sorted(row.acknowledgements.all(), key=lambda a: (a.received_at, a.state))
            ),
        )
        for row in ordered
    ]


@dataclass(frozen=True)
class InForce:
    """What an asset was or is told, without gaps of state: superseded and expired setpoints left out."""

    asset_id: int
    kind: str
    starts_at: datetime
    ends_at: datetime
    value_kw: float
    planned_kw: float | None
    reason: str


def last_called(*, asset_ids: Collection[int], before: datetime) -> dict[int, datetime]:
    """When each asset last served an instruction, as far as it was told to; assets that never did are left out."""
    told = Setpoint.objects.filter(asset_id__in=asset_ids, reason="serve_target", starts_at__lt=before)
    rows = told.exclude(state__in=("planned", "rejected"))
    return dict(rows.values("asset_id").annotate(last=Max("ends_at")).values_list("asset_id", "last"))


def in_force(*, asset_ids: Collection[int], starts_at: datetime, ends_at: datetime, known_at: datetime) -> list[InForce]:
    """Setpoints sent or accepted that overlap [starts_at, ends_at), issued by `known_at`; by asset code and start."""
    rows = Setpoint.objects.filter(
        asset_id__in=asset_ids, state__in=IN_FORCE, starts_at__lt=ends_at, ends_at__gt=starts_at, plan__issued_at__lte=known_at
    )
    values = rows.order_by("asset__code", "asset_id", "starts_at", "plan__sequence").values_list(
        "asset_id", "kind", "starts_at", "ends_at", "value_kw", "planned_kw", "reason"
    )
    return [InForce(*row) for row in values]

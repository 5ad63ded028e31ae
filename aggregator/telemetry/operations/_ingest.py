"""One post of telemetry: refuse what cannot be, keep the rest, converge however often it comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from django.db import DatabaseError, transaction

from aggregator.gateways.domain import GatewayFacts
from aggregator.gateways.operations import SEEN_EVERY, mark_seen
from aggregator.telemetry import partitions
from aggregator.telemetry.domain import AssetUnknown, Points, SeriesIn, SeriesRefused, SessionFacts, check_post, check_sessions, merge
from aggregator.telemetry.operations import _staging as staging
from aggregator.telemetry.operations._fold import refold_late
from aggregator.telemetry.operations._retention import HOT_DAYS
from aggregator.telemetry.operations._sessions import write_sessions
from aggregator.telemetry.operations._speakers import Speaker, speakers_of

DAY_US = 86_400 * 1_000_000
UNIX_DAY = date(1970, 1, 1)
AT_RISK = timedelta(days=HOT_DAYS - 2)  # upkeep may be about to drop a day of this age


@dataclass(frozen=True)
class Rejected:
    """The series at `index` was left out, and why."""

    index: int
    refusal: SeriesRefused


@dataclass(frozen=True)
class IngestReport:
    """Points that are new or changed, points that were known already, series that were refused."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]


def ingest(*, gateway: GatewayFacts, series: Sequence[SeriesIn], received_at: datetime) -> IngestReport:
    """Store what this gateway says about its assets. `received_at` is business time.

    Idempotent: the same post again adds no row. Raises nothing for a bad series: it is in the report.
    """
    said, refused = _checked_identity(gateway, series, received_at)
    told, bad = check_post(
        series=[series[one.index] for one in said],
        asset_ids=[one.speaker.asset_id for one in said],
        rated_kw=[one.speaker.rated_kw for one in said],
        received_at=received_at,
    )
    refused |= {said[k].index: refusal for k, refusal in bad.items()}
    stays = [(one.speaker.asset_id, one.stays) for k, one in enumerate(said) if one.stays and k not in bad]
    accepted = 0
    if len(told) or stays:
        accepted = _stored(gateway_id=gateway.id, points=merge(told), stays=stays, received_at=received_at)
    if gateway.last_seen_at is None or received_at - gateway.last_seen_at >= SEEN_EVERY:
        mark_seen(gateway_id=gateway.id, at=received_at)
    rejected = tuple(Rejected(index, refused[index]) for index in sorted(refused))
    return IngestReport(accepted=accepted, duplicates=len(told) - accepted, rejected=rejected)


@dataclass(frozen=True, slots=True)
class _Said:
    """The series at `index`, its asset, and the sessions that it tells of."""

    index: int
    speaker: Speaker
    stays: list[SessionFacts]


def _checked_identity(
    gateway: GatewayFacts, series: Sequence[SeriesIn], received_at: datetime
) -> tuple[list[_Said], dict[int, SeriesRefused]]:
    speakers = speakers_of(gateway_id=gateway.id, named=[one.asset for one in series])
    said: list[_Said] = []
    refused: dict[int, SeriesRefused] = {}
    for index, (one, speaker) in enumerate(zip(series, speakers, strict=True)):
        try:
            if speaker is None:
                raise AssetUnknown(asset=str(one.asset)[:60])
            said.append(_Said(index, speaker, check_sessions(sessions=one.sessions, received_at=received_at)))
        except SeriesRefused as refusal:
            refused[index] = refusal
    return said, refused


def _stored(*, gateway_id: int, points: Points, stays: list[tuple[int, list[SessionFacts]]], received_at: datetime) -> int:
    """All or nothing; what another process changed since this one looked is looked at again, once."""
    try:
        return _write(gateway_id, points, stays, received_at)
    except DatabaseError as failure:
        if not (partitions.is_outdated(failure) or staging.is_outdated(failure)):
            raise
    partitions.forget()
    staging.forget()
    return _write(gateway_id, points, stays, received_at)


@transaction.atomic
def _write(gateway_id: int, points: Points, stays: list[tuple[int, list[SessionFacts]]], received_at: datetime) -> int:
    days = [UNIX_DAY + timedelta(days=int(day)) for day in np.unique(points.at_us // DAY_US)]
    partitions.hold(days=[day for day in days if day <= received_at.date() - AT_RISK])
    partitions.ensure_partitions(days=days)
    accepted = staging.upsert(points=points, received_at=received_at)
    write_sessions(stays=stays, known_at=received_at)
    if accepted:
        refold_late(points=points, gateway_id=gateway_id)
    return accepted

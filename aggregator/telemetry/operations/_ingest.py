"""One post of telemetry: refuse what cannot be, keep the rest, converge however often it comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import transaction

from aggregator.assets.domain import parse_spec
from aggregator.gateways.domain import ChannelFacts, GatewayFacts
from aggregator.gateways.operations import SEEN_EVERY, mark_seen
from aggregator.gateways.queries import channels_of
from aggregator.telemetry.domain import AssetUnknown, Points, SeriesIn, SeriesRefused, SessionFacts, check_series, check_sessions, merge
from aggregator.telemetry.operations._fold import refold_late
from aggregator.telemetry.operations._retention import HOT_DAYS
from aggregator.telemetry.operations._sessions import write_sessions
from aggregator.telemetry.operations._staging import upsert
from aggregator.telemetry.partitions import ensure_partitions, hold

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


@dataclass(frozen=True)
class _Speaker:
    asset_id: int
    rated_kw: float


def ingest(*, gateway: GatewayFacts, series: Sequence[SeriesIn], received_at: datetime) -> IngestReport:
    """Store what this gateway says about its assets. `received_at` is business time.

    Idempotent: the same post again adds no row. Raises nothing for a bad series: it is in the report.
    """
    speakers = _speakers(gateway, series)
    batches: list[Points] = []
    sessions: list[tuple[int, list[SessionFacts]]] = []
    rejected: list[Rejected] = []
    for index, one in enumerate(series):
        try:
            speaker = speakers.get(_uuid(one.asset))
            if speaker is None:
                raise AssetUnknown(asset=str(one.asset)[:60])
            stays = check_sessions(sessions=one.sessions, received_at=received_at)
            batches.append(check_series(series=one, asset_id=speaker.asset_id, rated_kw=speaker.rated_kw, received_at=received_at))
            if stays:
                sessions.append((speaker.asset_id, stays))
        except SeriesRefused as refusal:
            rejected.append(Rejected(index, refusal))
    accepted = duplicates = 0
    if batches:
        points = merge(batches)
        days = [UNIX_DAY + timedelta(days=int(day)) for day in np.unique(points.at_us // DAY_US)]
        with transaction.atomic():
            hold(days=[day for day in days if day <= received_at.date() - AT_RISK])
            ensure_partitions(days=days)
            accepted = upsert(points=points, received_at=received_at)
            write_sessions(stays=sessions, known_at=received_at)
            if accepted:
                refold_late(points=points)
        duplicates = sum(map(len, batches)) - accepted
    if gateway.last_seen_at is None or received_at - gateway.last_seen_at >= SEEN_EVERY:
        mark_seen(gateway_id=gateway.id, at=received_at)
    return IngestReport(accepted=accepted, duplicates=duplicates, rejected=tuple(rejected))


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else value if isinstance(value, UUID) else None
    except ValueError:
        return None


def _speakers(gateway: GatewayFacts, series: Sequence[SeriesIn]) -> dict[UUID | None, _Speaker]:
    wanted = {public_id for one in series if (public_id := _uuid(one.asset)) is not None}
    found: dict[UUID | None, _Speaker] = {}
    for public_id, channel in channels_of(gateway_id=gateway.id, public_ids=wanted).items():
        found[public_id] = _Speaker(channel.asset_id, _rated_kw(channel))
    return found


def _rated_kw(channel: ChannelFacts) -> float:
    return float(parse_spec(channel.kind, channel.spec).rated_kw)  # type: ignore[attr-defined]

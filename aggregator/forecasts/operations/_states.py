"""What a kind of a portfolio's assets had taught by the end of a day, and where that is kept."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from aggregator.assets.models import Portfolio
from aggregator.assets.queries import Member
from aggregator.forecasts.domain import MODEL_VERSION
from aggregator.forecasts.models import ForecastState

STATES_KEPT = 3


@dataclass(frozen=True)
class Shard:
    """Assets of one kind that are learned from and forecast together."""

    portfolio: Portfolio
    kind: str
    number: int
    members: list[Member]
    resolution: timedelta
    tz: ZoneInfo

    @property
    def ids(self) -> list[int]:
        return [member.asset_id for member in self.members]


@dataclass(frozen=True)
class State:
    """`data`: the engine's arrays and the errors of the sum after `day`; built from the history known at `built_at` up to `built_day`."""

    day: date
    built_at: datetime
    built_day: date
    asset_ids: list[int]
    data: bytes
    sha256: str

    @classmethod
    def of(cls, *, day: date, built_at: datetime, built_day: date, asset_ids: list[int], data: bytes) -> "State":
        return cls(day, built_at, built_day, asset_ids, data, hashlib.sha256(data).hexdigest())


class States(Protocol):
    """Keeps the last STATES_KEPT days of every shard, or more."""

    def newest(self, shard: Shard, *, by: date, built_after: date) -> State | None:
        """The state to go on from: of the present members, of day `by` at the latest; None where there is none."""
        ...

    def keep(self, shard: Shard, state: State) -> State:
        """What is kept of that day from now on: another worker may have been first."""
        ...


class StoredStates:
    """In the database: those of production."""

    def newest(self, shard: Shard, *, by: date, built_after: date) -> State | None:
        row = ForecastState.objects.filter(**_key(shard), day__lte=by, built_day__gt=built_after).order_by("-day").first()
        return _state(row) if row is not None and row.asset_ids == shard.ids else None

    def keep(self, shard: Shard, state: State) -> State:
        values = {
            "built_at": state.built_at,
            "built_day": state.built_day,
            "asset_ids": state.asset_ids,
            "arrays": state.data,
            "sha256": state.sha256,
        }
        row, new = ForecastState.objects.get_or_create(**_key(shard), day=state.day, defaults=values)
        if not new and row.asset_ids != state.asset_ids:  # the members changed since this day was learned
            row, _ = ForecastState.objects.update_or_create(**_key(shard), day=state.day, defaults=values)
        old = ForecastState.objects.filter(**_key(shard)).order_by("-day").values_list("pk", flat=True)[STATES_KEPT:]
        ForecastState.objects.filter(pk__in=list(old)).delete()
        return _state(row)


def _key(shard: Shard) -> dict:
    return {
        "portfolio": shard.portfolio,
        "kind": shard.kind,
        "shard": shard.number,
        "resolution_s": int(shard.resolution.total_seconds()),
        "model_version": MODEL_VERSION,
    }


def _state(row: ForecastState) -> State:
    return State(row.day, row.built_at, row.built_day, row.asset_ids, bytes(row.arrays), row.sha256)

"""The outlook of every member, a kind at a time, and the bands of their sum."""

import numpy as np

from aggregator.assets.models import Portfolio
from aggregator.forecasts.domain import (
    FOLLOWS_SCHEDULE,
    KIND_MODELS,
    Days,
    Frame,
    GroupErrors,
    Outlook,
    OwnBands,
    added,
    bins_of,
    forecast_kind,
    horizons_of,
    own_bands,
    scheduled_outlook,
)
from aggregator.forecasts.operations._engines import Standing, standing
from aggregator.forecasts.operations._inputs import MemberInputs
from aggregator.forecasts.operations._states import Shard, States

SHARD_SIZE = 1000


def outlooks_of(
    *, portfolio: Portfolio, frame: Frame, inputs: list[MemberInputs], states: States
) -> tuple[dict[int, Outlook], OwnBands, list[str]]:
    """By asset; the portfolio's own bands; fingerprints of all that was learned and is live."""
    outlooks = {
        item.member.asset_id: scheduled_outlook(frame=frame, spec=item.member.spec, facts=item.facts)
        for item in inputs
        if item.member.kind in FOLLOWS_SCHEDULE
    }
    errors: list[GroupErrors] = []
    learned: list[str] = []
    variance = np.zeros(len(frame.grid))
    for shard in _shards(portfolio, frame, inputs):
        stand = standing(shard, issued_at=frame.issued_at, last_target=frame.last_day, states=states)
        days = stand.engine.history.days
        said = forecast_kind(
            engine=stand.engine,
            model=KIND_MODELS[shard.kind],
            last=stand.last,
            origin=_origin(frame, days),
            target=days.flat(frame.grid),
            scale_kw=stand.scale_kw,
            cap_kw=np.array([member.spec.rated_kw for member in shard.members]),
        )
        outlooks |= dict(zip(shard.ids, said.outlooks, strict=True))
        known = np.isfinite([outlook.mean for outlook in said.outlooks])
        variance += np.where(known, said.size_kw**2, 0.0).sum(axis=0)
        errors.append(stand.errors)
        learned += [stand.sha256, stand.live_sha256]
        matured = _matured(stand)
    if not errors:
        nothing = np.zeros((3, len(frame.grid)))
        return outlooks, OwnBands(nothing, nothing, nothing), learned
    return outlooks, _own(frame, added(errors, [0] * len(errors)), matured, np.sqrt(variance)), learned


def _shards(portfolio: Portfolio, frame: Frame, inputs: list[MemberInputs]) -> list[Shard]:
    """Assets of a kind by the order in which they came, so that a new one changes the last shard only."""
    out = []
    for kind in KIND_MODELS:
        members = sorted((item.member for item in inputs if item.member.kind == kind), key=lambda member: member.asset_id)
        for number, first in enumerate(range(0, len(members), SHARD_SIZE)):
            out.append(Shard(portfolio, kind, number, members[first : first + SHARD_SIZE], frame.grid.resolution, frame.tz))
    return out


def _origin(frame: Frame, days: Days) -> int:
    """The last period that had ended at the issue, over the days laid end to end."""
    history = frame.history_grid
    return int(days.flat(history.tail(len(history) - 1))[-1]) if len(history) else -1


def _matured(stand: Standing) -> Days:
    """The days whose errors are known, up to the last matured one."""
    days, count = stand.engine.history.days, stand.errors.whole.shape[1]
    last = days.dates[stand.last]
    return Days.of(last - (count - 1) * (days.dates[1] - days.dates[0]), last, resolution=days.resolution, tz=days.tz)


def _own(frame: Frame, errors: GroupErrors, past: Days, target_level_kw: np.ndarray) -> OwnBands:
    count = errors.whole.shape[1]
    past = Days(past.dates[past.count - count], count, past.slots, past.tz)
    whole = Days.of(past.first, frame.last_day, resolution=past.resolution, tz=past.tz)
    target = whole.flat(frame.grid)
    bins = bins_of(np.broadcast_to(whole.clock_hours, (whole.count, whole.slots)), whole.working[:, None])
    found = {
        quantity: own_bands(
            errors_kw=errors.total(0, quantity),
            level_kw=errors.size_kw(0),
            bins=bins[:count],
            target_level_kw=target_level_kw,
            target_bins=bins.ravel()[target],
            horizons=horizons_of(past.slots),
            ahead=target - _origin(frame, whole),
        )
        for quantity in ("power", "up", "down")
    }
    return OwnBands(**found)

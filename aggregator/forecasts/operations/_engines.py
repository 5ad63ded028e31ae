"""The engine of one kind of a portfolio's assets, as it stands at an issue: kept, caught up day by day, or built from history."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.forecasts import queries
from aggregator.forecasts.domain import (
    HISTORY_DAYS,
    KEPT_DAYS,
    KIND_MODELS,
    Days,
    Engine,
    GroupErrors,
    History,
    Movable,
    Place,
    dumped,
    errors_of_day,
    movable_of,
    on_days,
    restored,
    scale_of,
)
from aggregator.forecasts.models import ForecastState
from aggregator.forecasts.operations._activity import learned_activity
from aggregator.forecasts.operations._states import Shard, State, States
from aggregator.kernel.periods import as_utc, day_of, midnight
from aggregator.support.arrays import pack_named, unpack_named

DAY = timedelta(days=1)
MATURES_AFTER = timedelta(hours=1)  # the end of a day: telemetry may come a little late
WEATHER_BEFORE = timedelta(hours=14)  # the start of a day: when it was forecast, and with which weather
REBUILT_AFTER_DAYS = 28
THINNED = 4  # of a long history every fourth period teaches the next hours


@dataclass(frozen=True)
class Standing:
    """An engine that has learned up to day `last` of its history, and what is live since."""

    engine: Engine
    last: int
    scale_kw: np.ndarray
    errors: GroupErrors
    sha256: str
    live_sha256: str


def forget_learned(*, park_id: int, since: date) -> int:
    """Learn anew from history at the next forecast, because something of day `since` or later has changed. How many were dropped."""
    rows = ForecastState.objects.filter(portfolio__park_id=park_id, day__gte=since)
    return rows.delete()[0]


def last_matured(at: datetime, *, tz: ZoneInfo) -> date:
    """The last local day whose telemetry is taken as complete."""
    return day_of(as_utc(at) - MATURES_AFTER, tz=tz) - DAY


def standing(shard: Shard, *, issued_at: datetime, last_target: date, states: States) -> Standing:
    """As of `issued_at`, with what was known then, for targets up to `last_target`. Keeps what it had to learn."""
    matured = last_matured(issued_at, tz=shard.tz)
    state = states.newest(shard, by=matured, built_after=matured - REBUILT_AFTER_DAYS * DAY)
    if state is None:
        state = states.keep(shard, _built(shard, matured, issued_at))
    elif state.day < matured:
        state = states.keep(shard, _caught_up(shard, state, matured))
    arrays = unpack_named(state.data)
    first = matured - (KEPT_DAYS - 1) * DAY
    days = Days.of(first, max(last_target, matured + 2 * DAY), resolution=shard.resolution, tz=shard.tz)
    history = _history(shard, days, as_forecast=matured, known_at=issued_at)
    last = days.index(matured)
    engine = restored(KIND_MODELS[shard.kind].family(), history, arrays, last=last)
    later = Days.of(matured + DAY, days.dates[-1], resolution=shard.resolution, tz=shard.tz)
    live = _activity(shard, later, until=issued_at, known_at=issued_at) / arrays["scale_kw"][:, None, None]
    history.activity[:, last + 1 :] = live
    seen = hashlib.sha256(live.tobytes())
    for name in sorted(history.known):
        seen.update(np.ascontiguousarray(history.known[name][:, last + 1 :]).tobytes())
    return Standing(engine, last, arrays["scale_kw"], _errors(arrays), state.sha256, seen.hexdigest())


def _built(shard: Shard, matured: date, issued_at: datetime) -> State:
    """From the history that is known at `issued_at`."""
    days = Days.of(matured - (HISTORY_DAYS - 1) * DAY, matured + 8 * DAY, resolution=shard.resolution, tz=shard.tz)
    history = _history(shard, days, as_forecast=matured + DAY, known_at=issued_at)
    activity = _activity(shard, days, until=midnight(matured + DAY, tz=shard.tz), known_at=issued_at)
    scale = scale_of(shard.kind, [member.spec for member in shard.members], activity)
    history.activity[:] = activity / scale[:, None, None]
    engine = Engine(KIND_MODELS[shard.kind].family(), history)
    errors = GroupErrors.none(groups=1, models=1 + len(engine.steps.horizons), slots=days.slots)
    for day in range(days.index(matured) + 1):
        errors = errors.plus(_day_errors(shard, engine, day, scale, every=THINNED))
    return _state(shard, engine, days.index(matured), scale, errors, built_at=issued_at, built_day=matured)


def _caught_up(shard: Shard, state: State, matured: date) -> State:
    """Learns the days since, each with what was known when it had matured."""
    arrays = unpack_named(state.data)
    first = state.day - (KEPT_DAYS - 1) * DAY
    days = Days.of(first, matured + 8 * DAY, resolution=shard.resolution, tz=shard.tz)
    history = _history(shard, days, as_forecast=matured + DAY, known_at=midnight(matured + DAY, tz=shard.tz) + MATURES_AFTER)
    engine = restored(KIND_MODELS[shard.kind].family(), history, arrays, last=days.index(state.day))
    scale, errors = arrays["scale_kw"], _errors(arrays)
    for day in range(days.index(state.day) + 1, days.index(matured) + 1):
        one = Days(days.dates[day], 1, days.slots, days.tz)
        ends_at = midnight(one.first + DAY, tz=shard.tz)
        known = _activity(shard, one, until=ends_at, known_at=ends_at + MATURES_AFTER)
        history.activity[:, day] = known[:, 0] / scale[:, None]
        errors = errors.plus(_day_errors(shard, engine, day, scale, every=1))
    return _state(shard, engine, days.index(matured), scale, errors, built_at=state.built_at, built_day=state.built_day)


def _day_errors(shard: Shard, engine: Engine, day: int, scale: np.ndarray, *, every: int) -> GroupErrors:
    movable: Movable = movable_of([member.spec for member in shard.members])
    everybody = np.ones((1, len(shard.members)), dtype=bool)
    sign = KIND_MODELS[shard.kind].sign
    return errors_of_day(engine.advance(day, every), members=everybody, scale_kw=scale, sign=sign, movable=movable)


def _state(
    shard: Shard, engine: Engine, last: int, scale: np.ndarray, errors: GroupErrors, *, built_at: datetime, built_day: date
) -> State:
    arrays = {**dumped(engine, last=last), "scale_kw": scale, **{f"errors/{name}": part for name, part in vars(errors).items()}}
    day = engine.history.days.dates[last]
    return State.of(day=day, built_at=built_at, built_day=built_day, asset_ids=shard.ids, data=pack_named(arrays))


def _errors(arrays: dict[str, np.ndarray]) -> GroupErrors:
    return GroupErrors(*(arrays[f"errors/{name}"] for name in ("error", "known", "whole")))


def _activity(shard: Shard, days: Days, *, until: datetime, known_at: datetime) -> np.ndarray:
    return learned_activity(members=shard.members, days=days, until=until, known_at=known_at, sign=KIND_MODELS[shard.kind].sign)


def _history(shard: Shard, days: Days, *, as_forecast: date, known_at: datetime) -> History:
    """Without activity. Up to day `as_forecast` the weather that was known when the day was forecast, of later ones the newest.

    To learn day d is to say again what was said on it of d + 1: that one is as forecast too, however late d is learned.
    """
    park = shard.portfolio.park

    def known_by(day: date) -> datetime:
        return midnight(day, tz=shard.tz) - WEATHER_BEFORE if day <= as_forecast else known_at

    rows = queries.weather(park_id=park.pk, asset_ids=shard.ids, first_day=days.first, last_day=days.dates[-1], known_at=known_at)
    of_park = on_days(days, rows.get(None, []), known_by=known_by)
    own = {pk: on_days(days, rows[pk], known_by=known_by) for pk in shard.ids if pk in rows}
    names = sorted({*of_park, *(name for columns in own.values() for name in columns)})
    blank = np.full((days.count, days.slots), np.nan)
    if own:
        per_asset = [{**of_park, **own.get(pk, {})} for pk in shard.ids]
        weather = {name: np.stack([columns.get(name, blank) for columns in per_asset]) for name in names}
    else:
        weather = {name: of_park[name][None] for name in names}
    specs = [member.spec for member in shard.members]
    place = Place(park.latitude, park.longitude)
    known = KIND_MODELS[shard.kind].columns(days, specs, place, weather)
    return History(days, np.full((len(specs), days.count, days.slots), np.nan, np.float32), known)

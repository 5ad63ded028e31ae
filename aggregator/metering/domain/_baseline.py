"""The baseline of one delivery day from earlier days of the same type (rules.md 2.5, methods a to d)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from aggregator.kernel.calendar import DayType, day_type
from aggregator.kernel.errors import Anticipated
from aggregator.metering.domain._methods import Adjustment, BaselineMethod

# Below this mean power-energy a ratio of two means says nothing.
TOO_SMALL_RATIO = 0.01


class BaselineUnavailable(Anticipated):
    """Without a baseline nothing is settled; the fields say how far the search came."""

    code = "metering.baseline_unavailable"
    text = "No baseline for %(day)s: %(found)s usable days of %(needed)s within %(search_days)s days (%(why)s)."
    status = 422


@dataclass(frozen=True)
class HistoryDay:
    """One earlier day: injection per period [kWh], NaN = missing; `excluded` names why it may not be used."""

    day: date
    injection_kwh: np.ndarray
    excluded: str = ""


@dataclass(frozen=True)
class SameDay:
    """The event day itself, for the adjustment.

    injection_kwh (n_periods,), NaN = missing; `event` = first period of the event; `notified` = first period
    that is not wholly before the notification (0 where we were notified before the day).
    """

    injection_kwh: np.ndarray
    event: int
    notified: int
    periods_per_hour: float


@dataclass(frozen=True)
class Baseline:
    """injection_kwh (n_periods,) of the whole day; days newest first; `factor` 1.0 where nothing was adjusted.

    `adjustment` says what happened: none, ratio, additive, or why it was not possible. `capped`: the day asked for
    more than the method allows, so the adjustment stands at its limit.
    """

    injection_kwh: np.ndarray
    method: str
    days_used: tuple[date, ...]
    days_excluded: tuple[tuple[date, str], ...]
    factor: float = 1.0
    shift_kwh: float = 0.0
    adjustment: str = "none"
    capped: bool = False


def baseline(*, day: date, history: Sequence[HistoryDay], method: BaselineMethod, same_day: SameDay | None = None) -> Baseline:
    """The baseline of `day`. Days that are absent from `history` count as without readings.

    Slot by slot the mean of the days that the method chooses. Without `same_day` nobody was notified yet, so a method
    that adjusts by the hours before the notification leaves the mean as it is, and says so. Raises BaselineUnavailable where too few
    are usable, or a slot is missing on all of them.
    """
    wanted = day_type(day)
    refused: list[tuple[date, str]] = []
    usable: list[HistoryDay] = []
    for one in sorted(history, key=lambda one: one.day, reverse=True):
        lag = (day - one.day).days
        if not method.first_lag <= lag <= method.search_days:
            continue
        why = one.excluded or _unlike(wanted, day_type(one.day)) or _thin(one.injection_kwh, method)
        if why:
            refused.append((one.day, why))
        else:
            usable.append(one)
    chosen, dropped = _choose(usable, wanted, method, day)
    oldest = min((one.day for one in chosen), default=day)
    values = np.array([one.injection_kwh for one in chosen])
    if np.isnan(values).all(axis=0).any():
        raise _unavailable(day, len(chosen), len(chosen), method, "a period is missing on all of them")
    mean = np.nanmean(values, axis=0)
    excluded = sorted([(when, why) for when, why in refused if when >= oldest] + dropped, reverse=True)
    plain = Baseline(mean, method.kind, tuple(one.day for one in chosen), tuple(excluded))
    return _adjusted(plain, method.adjustment, same_day) if method.adjustment else plain


def _unlike(wanted: DayType, found: DayType) -> str:
    """Working days speak for working days, weekends for weekends; a holiday takes weekends as well: it has few of its kind."""
    allowed = {"working": ("working",), "weekend": ("weekend",), "holiday": ("holiday", "weekend")}[wanted]
    return "" if found in allowed else found


def _thin(values: np.ndarray, method: BaselineMethod) -> str:
    covered = np.count_nonzero(~np.isnan(values)) / len(values) if len(values) else 0.0
    return "coverage" if covered < method.min_coverage_ratio else ""


def _unavailable(day: date, found: int, needed: int, method: BaselineMethod, why: str) -> BaselineUnavailable:
    return BaselineUnavailable(day=day, found=found, needed=needed, search_days=method.search_days, why=why)


def _choose(
    usable: list[HistoryDay], wanted: DayType, method: BaselineMethod, day: date
) -> tuple[list[HistoryDay], list[tuple[date, str]]]:
    """The days whose mean is the baseline, newest first, and those that the method dropped."""
    if wanted != "working":
        needed, pool = method.same_type_days, usable[: method.same_type_days]
    elif method.kind == "similar_days":
        return _similar(usable, method, day)
    else:
        needed = method.candidate_days if method.kind == "highest_of" else method.days
        pool = usable[:needed]
    if len(pool) < needed:
        raise _unavailable(day, len(pool), needed, method, "too few days of this type")
    if wanted == "working" and method.kind == "highest_of":
        highest = sorted(pool, key=lambda one: (np.nanmean(one.injection_kwh), -one.day.toordinal()))[: method.days]
        return [one for one in pool if one in highest], [(one.day, "lower_consumption") for one in pool if one not in highest]
    return pool, []


def _similar(usable: list[HistoryDay], method: BaselineMethod, day: date) -> tuple[list[HistoryDay], list[tuple[date, str]]]:
    """Drop the day whose energy is farthest off the mean, refill with the next older, until none is too far off."""
    dropped: list[tuple[date, str]] = []
    left = list(usable)
    while len(left) >= method.days:
        pool = left[: method.days]
        energy = np.array([np.nanmean(one.injection_kwh) for one in pool])
        off = np.abs(energy - energy.mean())
        worst = int(np.argmax(off))
        if off[worst] <= method.drop_ratio * abs(energy.mean()):
            return pool, dropped
        dropped.append((pool[worst].day, "unlike_energy"))
        del left[worst]
    raise _unavailable(day, len(left), method.days, method, "too few days of like energy")


def _adjusted(plain: Baseline, rule: Adjustment, same_day: SameDay | None) -> Baseline:
    """Scale or shift by the hours before the event, as far as they were metered before the notification."""

    def unchanged(why: str) -> Baseline:
        return replace(plain, adjustment=why)

    if same_day is None:
        return unchanged("nobody_notified_yet")
    last = min(same_day.event - round(rule.gap_hours * same_day.periods_per_hour), same_day.notified)
    first = last - round(rule.window_hours * same_day.periods_per_hour)
    if first < 0 or last <= first:
        return unchanged("notified_before_the_window")
    actual, expected = same_day.injection_kwh[first:last], plain.injection_kwh[first:last]
    if np.isnan(actual).any():
        return unchanged("same_day_not_metered")
    level = float(np.abs(plain.injection_kwh).mean())
    mean_actual, mean_expected = float(actual.mean()), float(expected.mean())
    if rule.kind == "additive":
        low, high = sorted((mean_expected * (rule.clip_low - 1), mean_expected * (rule.clip_high - 1)))
        asked = mean_actual - mean_expected
        shift = min(max(asked, low), high)
        return replace(plain, injection_kwh=plain.injection_kwh + shift, shift_kwh=shift, adjustment="additive", capped=shift != asked)
    if abs(mean_expected) <= TOO_SMALL_RATIO * level:
        return unchanged("baseline_too_small_to_scale")
    asked = mean_actual / mean_expected
    factor = min(max(asked, rule.clip_low), rule.clip_high)
    return replace(plain, injection_kwh=plain.injection_kwh * factor, factor=factor, adjustment="ratio", capped=factor != asked)

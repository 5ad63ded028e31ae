"""The outlook of all assets of a kind on a grid, from an engine that has learned up to the last matured day."""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain._types import Outlook
from aggregator.forecasts.domain.engine.engine import LEAST_DAYS, Engine
from aggregator.forecasts.domain.engine.kinds import KindModel
from aggregator.forecasts.domain.engine.references import held


@dataclass(frozen=True)
class KindOutlook:
    """Of N assets, each with its outlook; size_kw (N, n): how large an error of the day-ahead forecast usually is."""

    outlooks: tuple[Outlook, ...]
    size_kw: np.ndarray


def forecast_kind(
    *,
    engine: Engine,
    model: KindModel,
    last: int,
    origin: int,
    target: np.ndarray,
    scale_kw: np.ndarray,
    cap_kw: np.ndarray,
) -> KindOutlook:
    """last: the last matured day; origin: the last period that had ended; target (n,): periods, counted over the days end to end.

    scale_kw, cap_kw (N,): what activity is measured in, and what it cannot exceed. Where the mean is known and no error of the
    past is, the band is all that is possible.
    """
    slots = engine.history.days.slots
    days = [int(day) for day in np.unique(target // slots)]
    for day in days:
        engine.whole_day(day, last=last, issue_slot=max(0, origin + 1 - (last + 1) * slots))
    said = engine.ahead(origin, target)
    scale, cap = scale_kw[:, None], cap_kw[:, None]
    mean, low, mid, high = (np.clip(part * scale, None, cap).astype(float) for part in vars(said).values())
    wide = np.isfinite(mean) & ~np.isfinite(low)
    low, mid, high = np.where(wide, 0.0, low), np.where(wide, mean, mid), np.where(wide, cap, high)
    reference = model.reference(engine.history, last=last, target=target)
    if model.holds:
        reference = held(engine.history, reference, origin=origin, target=target)
    sizes = {day: engine.error_size(day) for day in days}
    size = np.stack([sizes[int(at) // slots][:, int(at) % slots] for at in target], axis=1)
    notes = _notes(engine, model, origin, target, wide)
    rows = zip(mean, low, mid, high, reference * scale, notes, strict=True)
    return KindOutlook(tuple(Outlook(*row) for row in rows), size * scale)


def _notes(engine: Engine, model: KindModel, origin: int, target: np.ndarray, wide: np.ndarray) -> list[tuple[str, ...]]:
    n, _, slots = engine.history.shape
    blind = np.full(n, model.always)
    if model.needs in engine.history.known:
        column = engine.history.known[model.needs][:, target // slots, target % slots]
        blind = np.broadcast_to(~np.isfinite(column).all(axis=-1), (n,))
    hour = max(1, slots // 24)
    fresh = engine.history.activity.reshape(n, -1)[:, max(0, origin + 1 - hour) : origin + 1]
    unheard = ~np.isfinite(fresh).any(axis=1) & bool((target - origin).min() <= hour)
    flags = {
        "without_weather": blind,
        "short_history": engine.seen < LEAST_DAYS,
        "wide_band": wide.any(axis=1),
        "no_recent_value": unheard,
    }
    return [tuple(name for name, flag in flags.items() if flag[k]) for k in range(n)]

"""What an engine has learned, as named arrays, and an engine again from them."""

import numpy as np

from aggregator.forecasts.domain.engine.calibration import Calibration
from aggregator.forecasts.domain.engine.engine import REACH_DAYS, WEEK_AHEAD, Engine
from aggregator.forecasts.domain.engine.family import Family
from aggregator.forecasts.domain.engine.history import PAST_DAYS, History
from aggregator.forecasts.domain.engine.issued import Issued
from aggregator.forecasts.domain.engine.mix import Mix
from aggregator.forecasts.domain.engine.ridge import Moments

KEPT_DAYS = PAST_DAYS + WEEK_AHEAD  # of activity: what the longest lead looks at when the next day is learned
Arrays = dict[str, np.ndarray]


def dumped(engine: Engine, *, last: int) -> Arrays:
    """Everything that the days after `last` (index of the last matured day) need."""
    out: Arrays = {"activity": engine.history.activity[:, max(0, last + 1 - KEPT_DAYS) : last + 1], "seen": engine.seen}
    for lead, model in engine.models.items():
        for name, moments in model.moments.items():
            _put(out, f"day/{lead}/moments/{name}", moments)
            out[f"day/{lead}/coef/{name}"] = model.coef[name]
        _put(out, f"day/{lead}/calibration", model.calibration)
        _put(out, f"day/{lead}/mix", model.mix)
        kept = slice(max(0, last - REACH_DAYS), last + 1 + lead)
        _put(out, f"issued/{lead}", _days(engine.issued[lead], kept))
    if engine.steps.moments is not None and engine.steps.coef is not None:
        _put(out, "steps/moments", engine.steps.moments)
        out["steps/coef"] = engine.steps.coef
    _put(out, "steps/calibration", engine.steps.calibration)
    return out


def restored(family: Family, history: History, arrays: Arrays, *, last: int) -> Engine:
    """An engine that goes on after day `last` of `history`, whose activity up to it comes from the arrays.

    `history` holds the later days and all known columns; its first days are as many as are kept, or more.
    """
    kept = arrays["activity"]
    history.activity[:, last + 1 - kept.shape[1] : last + 1] = kept
    leads = tuple(sorted(int(name.split("/")[1]) for name in arrays if name.startswith("issued/") and name.endswith("/mean")))
    engine = Engine(family, history, leads=leads)
    engine.seen = arrays["seen"]
    for lead, model in engine.models.items():
        prefix = f"day/{lead}/moments/"
        for name in dict.fromkeys(key.removeprefix(prefix).split("/")[0] for key in arrays if key.startswith(prefix)):
            model.moments[name] = Moments(**_get(arrays, prefix + name))
            model.coef[name] = arrays[f"day/{lead}/coef/{name}"]
        model.calibration = Calibration(**_get(arrays, f"day/{lead}/calibration"))
        model.mix = Mix(**_get(arrays, f"day/{lead}/mix"))
        said = Issued(**_get(arrays, f"issued/{lead}"))
        first = last - min(REACH_DAYS, kept.shape[1] - 1)
        for name, values in vars(said).items():
            part = getattr(engine.issued[lead], name)
            room = min(values.shape[1], part.shape[1] - first)
            part[:, first : first + room] = values[:, :room]
    if "steps/coef" in arrays:
        engine.steps.moments = Moments(**_get(arrays, "steps/moments"))
        engine.steps.coef = arrays["steps/coef"]
    engine.steps.calibration = Calibration(**_get(arrays, "steps/calibration"))
    return engine


def _put(out: Arrays, prefix: str, fields: object) -> None:
    out.update({f"{prefix}/{name}": values for name, values in vars(fields).items()})


def _get(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(f"{prefix}/"): values for name, values in arrays.items() if name.startswith(f"{prefix}/")}


def _days(issued: Issued, kept: slice) -> Issued:
    return issued.each(lambda part: part[:, kept])

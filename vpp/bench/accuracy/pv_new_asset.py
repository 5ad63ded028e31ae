"""A plant that is new: the engine with the others as its class, beside the same engine on its own data alone."""

from collections.abc import Iterator
from dataclasses import replace as changed

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.pv import Pv
from vpp.bench.accuracy.figures import Figure, rmse
from vpp.bench.accuracy.pv_data import Plants
from vpp.bench.accuracy.replay import replay

DAYLIGHT = 0.01
STARTS = (210, 250, 290)  # days of the data set on which it begins; all plants have data by the first
WARM_DAYS = 60  # of the class before
SPANS = ((1, 3), (4, 7), (8, 14))
LAST = SPANS[-1][1]


def new_asset(plants: Plants, progress: Progress) -> Iterator[Figure]:
    """Mean nRMSE over plants and starts."""
    if len(plants.names) < 2 or plants.days.count <= STARTS[-1] + LAST:
        yield Figure("pv new asset", "PVOD mean", "daylight nRMSE", None, "%", note="too few plants or days")
        return
    task = progress.add_task("pv new asset", total=len(plants.names) * len(STARTS))
    errors: dict[str, list[list[float]]] = {"class": [], "alone": []}
    for start in STARTS:
        for asset in range(len(plants.names)):
            history = _begun(plants, asset, start)
            shrunk = replay(Pv(), history).day_ahead.mean[asset]
            alone = replay(Pv(), _only(history, asset)).day_ahead.mean[0]
            lit = history.known["clear"][asset] > DAYLIGHT
            measured = history.activity[asset].astype(float)
            for name, forecast in (("class", shrunk), ("alone", alone)):
                errors[name].append([_error(forecast, measured, lit, span) for span in SPANS])
            progress.advance(task)
    for k, (first, last) in enumerate(SPANS):
        drawn, own = (np.array(errors[name])[:, k] for name in ("class", "alone"))
        note = f"own data alone {np.nanmean(own):.2f} %" if np.isfinite(own).all() else "own data alone has no forecast of all these days"
        yield Figure("pv new asset", "PVOD mean", f"daylight nRMSE, days {first}-{last}", float(np.nanmean(drawn)), "%", note=note)


def _begun(plants: Plants, asset: int, start: int) -> History:
    """The class's last 60 days before `start`, and two weeks in which the asset has data as well."""
    here = slice(start - WARM_DAYS, start + LAST)
    days = changed(plants.days, first=plants.days.dates[here.start], count=here.stop - here.start)
    part = changed(plants, days=days, activity=plants.activity[:, here].copy(), weather={k: v[:, here] for k, v in plants.weather.items()})
    part.activity[asset, :WARM_DAYS] = np.nan
    return part.history(with_weather=True)


def _only(history: History, asset: int) -> History:
    return History(history.days, history.activity[[asset]], {name: column[[asset]] for name, column in history.known.items()})


def _error(forecast: np.ndarray, measured: np.ndarray, lit: np.ndarray, span: tuple[int, int]) -> float:
    """nRMSE [%] on days `span`; day 1 is the first with data. NaN where not all of it was forecast."""
    here = slice(WARM_DAYS + span[0] - 1, WARM_DAYS + span[1])
    if not np.isfinite(forecast[here][lit[here]]).all():
        return float("nan")
    return 100 * rmse(forecast[here], measured[here], lit[here])

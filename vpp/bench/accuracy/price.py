"""Spot prices from earlier prices alone, against the naive forecast of the literature and published models beside."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.price import PriceModel
from vpp.bench.accuracy.figures import Figure, mae
from vpp.bench.accuracy.price_data import Prices, chinese_province, european

WARM_DAYS = 90
TASK = "price"
WEEK = 7
LIKE_THE_DAY_BEFORE = (1, 2, 3, 4)  # Tuesday to Friday


def measure(data_root: Path, progress: Progress) -> list[Figure]:
    """rMAE as epftoolbox defines it: over the naive forecast that repeats the day before, or on Mondays and weekends the week before."""
    series = (
        (european(data_root, "DE", "DE"), 0.60),
        (european(data_root, "NP", "NO"), None),
        (chinese_province(data_root, 1), 0.85),
        (chinese_province(data_root, 2), 0.85),
    )
    figures = [figure for prices, goal in series if prices is not None for figure in _measured(prices, goal, progress)]
    return figures or [Figure(TASK, "", "rMAE", None, "", note="files absent")]


def forecasts(prices: Prices, progress: Progress) -> np.ndarray:
    """(D, S) of each day from what was known before it."""
    task = progress.add_task(f"price, {prices.name}", total=prices.days.count)
    model = PriceModel(prices.days.slots, prices.prices_known_days)
    calendar = {"weekday": prices.days.weekday, "holiday": prices.days.types == "holiday"}
    out = np.full(prices.prices.shape, np.nan)
    for day in range(prices.days.count):
        newest = day - prices.prices_known_days
        if newest >= 0:
            model = model.learned(prices=prices.prices, day=newest, **calendar)
        out[day] = model.forecast(prices=prices.prices, day=day, **calendar)
        progress.advance(task)
    return out


def naive(prices: Prices) -> np.ndarray:
    """(D, S) the newest known day, or the same weekday of the week before."""
    newest, week = (np.full(prices.prices.shape, np.nan) for _ in range(2))
    newest[prices.prices_known_days :] = prices.prices[: -prices.prices_known_days]
    week[WEEK:] = prices.prices[:-WEEK]
    return np.where(np.isin(prices.days.weekday, LIKE_THE_DAY_BEFORE)[:, None], newest, week)


def _measured(prices: Prices, goal: float | None, progress: Progress) -> Iterator[Figure]:
    where = np.zeros(prices.prices.shape, dtype=bool)
    where[WARM_DAYS:] = True
    own = forecasts(prices, progress)
    where &= np.isfinite(own)
    reference = mae(naive(prices), prices.prices, where)
    note = f"lags only, after {WARM_DAYS} days; naive {reference:.2f} {prices.unit}" + (f"; {prices.note}" if prices.note else "")
    yield Figure(TASK, prices.name, "MAE", mae(own, prices.prices, where), prices.unit)
    yield Figure(TASK, prices.name, "rMAE", mae(own, prices.prices, where) / reference, "", goal, at_least=False, note=note)
    newest = prices.prices_known_days
    held = np.full(prices.prices.shape, np.nan)
    held[newest:] = prices.prices[:-newest]
    yield Figure(
        TASK, prices.name, "MAE over that of the newest known day", mae(own, prices.prices, where) / mae(held, prices.prices, where), ""
    )
    for name, published in prices.published.items():
        yield Figure(
            TASK,
            prices.name,
            f"rMAE of published {name.upper()}",
            mae(published, prices.prices, where) / reference,
            "",
            note="has market inputs",
        )

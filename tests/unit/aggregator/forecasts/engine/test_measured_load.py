"""Loads and prices on measured series, a part of each. Thresholds are what a first run reached, with some room."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from vpp.bench.accuracy import loads_data, price, price_data
from vpp.bench.accuracy.figures import mae, skill
from vpp.bench.accuracy.loads import Scored
from vpp.bench.accuracy.loads_data import Series
from vpp.bench.accuracy.replay import replay, shifted

pytestmark = pytest.mark.data
MOST_DAYS = 150


def scored(series: Series | None) -> Scored:
    if series is None:
        pytest.skip("the file is not in the data folder")
    return Scored(series, replay(series.family, series.history(MOST_DAYS)))


def assert_skilled(one: Scored, *, day: float, pinball: float, quarter: float) -> None:
    assert skill(*one.errors(one.run.day_ahead.mean, one.by_days["same-type mean"])) > day
    assert one.pinball_skill(one.run.day_ahead) > pinball
    assert skill(*one.errors(one.run.at(1).mean, shifted(one.actual, 1))) > quarter
    for said in (one.run.day_ahead, one.run.at(1), one.run.at(4)):
        assert 72 < one.covered(said)[0] < 88


def test_a_lumpy_plant(data_root: Path) -> None:
    assert_skilled(scored(loads_data.steel_plant(data_root)), day=-0.04, pinball=-0.06, quarter=0.15)


@pytest.mark.parametrize(("pid", "day", "quarter"), [(287, 0.10, 0.10), (435, 0.35, 0.01)])
def test_net_loads_of_substations(data_root: Path, pid: int, day: float, quarter: float) -> None:
    one = scored(loads_data.substation(data_root, pid))
    assert_skilled(one, day=day, pinball=0.08, quarter=quarter)
    if pid == 435:
        assert (one.run.day_ahead.mean[one.where] < 0).any(), "it exports a fifth of the time"


def test_a_chinese_region(data_root: Path) -> None:
    assert_skilled(scored(loads_data.teddy_region(data_root)), day=0.10, pinball=0.2, quarter=0.4)


@pytest.mark.parametrize("which", ["DE", "CN"])
def test_prices_from_earlier_prices(data_root: Path, which: str) -> None:
    prices = price_data.chinese_province(data_root, 1) if which == "CN" else price_data.european(data_root, "DE", "DE")
    if prices is None:
        pytest.skip("the file is not in the data folder")
    part = replace(prices, days=replace(prices.days, count=240), prices=prices.prices[:240], published={})
    own, where = price.forecasts(part, Progress(disable=True)), np.ones(part.prices.shape, dtype=bool)
    where[: price.WARM_DAYS] = False
    assert mae(own, part.prices, where) < 0.85 * mae(price.naive(part), part.prices, where)

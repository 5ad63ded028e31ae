"""PV on measured series, some weeks of each; the whole run is `manage.py bench accuracy --task pv`.

Thresholds are what a first run reached, with some room. The lead of PVOD's weather is not published.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from vpp.bench.accuracy.figures import coverage, skill
from vpp.bench.accuracy.pv import DAYLIGHT, scored
from vpp.bench.accuracy.pv_data import Plants, pvod, state_grid
from vpp.bench.accuracy.pv_references import last_complete_day, one_scale_chain, smart_persistence

pytestmark = pytest.mark.data
WARM_DAYS = 45


def part(plants: Plants, first: int, count: int) -> Plants:
    here = slice(first, first + count)
    days = replace(plants.days, first=plants.days.dates[first], count=count)
    weather = {name: column[:, here] for name, column in plants.weather.items()}
    return replace(plants, days=days, activity=plants.activity[:, here], weather=weather)


def test_stations_with_weather(data_root: Path) -> None:
    stations = pvod(data_root)
    assert stations is not None
    with Progress(disable=True) as progress:
        found = scored(part(stations, 200, 110), progress, with_weather=True, warm_days=WARM_DAYS)
    said = found.run.day_ahead
    error, persistence = found.errors(said.mean, last_complete_day(found.activity))
    assert skill(error.mean(), persistence.mean()) > 0.42
    chain = one_scale_chain(found.activity, found.run.engine.history.known["phi"].astype(float), found.clear > DAYLIGHT)
    error, reference = found.errors(said.mean, chain)
    assert skill(error.mean(), reference.mean()) > 0.12
    assert 0.74 < coverage(said.low, said.high, found.activity, found.scored) < 0.86
    for horizon, least in ((1, 0.03), (4, 0.08), (16, 0.25)):
        smart = smart_persistence(found.activity, found.clear, chain, horizon)
        error, reference = found.errors(found.run.at(horizon).mean, smart)
        assert skill(error.mean(), reference.mean()) > least


def test_a_site_without_weather(data_root: Path) -> None:
    site = state_grid(data_root, "site1_50MW")
    assert site is not None
    with Progress(disable=True) as progress:
        found = scored(part(site, 60, 130), progress, with_weather=False, warm_days=WARM_DAYS)
    error, persistence = found.errors(found.run.day_ahead.mean, last_complete_day(found.activity))
    assert skill(error.mean(), persistence.mean()) > 0.18
    assert np.isfinite(error).all()

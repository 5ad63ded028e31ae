"""Envelopes of many assets of a kind at once are those of each asset alone."""

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.assets.domain import Envelope, Spec, SpecColumns, ev_station, generation, load, storage
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import PvSpec, WindSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.kernel.periods import Grid

STARTS_AT = datetime(2026, 7, 14, 16, tzinfo=UTC)
ARRAYS = ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh")
grids = st.builds(Grid, st.just(STARTS_AT), st.sampled_from([timedelta(minutes=m) for m in (5, 15, 60)]), st.integers(1, 30))
seeds = st.integers(0, 10_000)
kw = st.floats(1, 2000)

storages = st.builds(
    StorageSpec,
    energy_kwh=st.floats(10, 5000),
    charge_kw=kw,
    discharge_kw=kw,
    charge_efficiency=st.floats(0.7, 1),
    discharge_efficiency=st.floats(0.7, 1),
    soc_min_ratio=st.floats(0, 0.4),
    soc_max_ratio=st.floats(0.6, 1),
)
plants = st.builds(PvSpec, rated_kw=kw, curtailable=st.booleans()) | st.builds(WindSpec, rated_kw=kw, curtailable=st.booleans())
stations = st.builds(EvStationSpec, connectors=st.integers(1, 40), connector_kw=st.floats(3, 60), station_limit_kw=kw)
part_loads = st.builds(
    LoadSpec,
    rated_kw=st.floats(500, 2000),
    must_run_kw=st.floats(0, 500),
    sheddable=st.booleans(),
    max_calls_per_day=st.integers(0, 4),
    max_call_hours=st.floats(0.1, 6),
    notice_minutes=st.integers(0, 180),
)
whole_loads = st.builds(
    LoadSpec,
    rated_kw=st.floats(500, 2000),
    must_run_kw=st.floats(0, 500),
    max_calls_per_day=st.integers(0, 4),
    max_call_hours=st.floats(0.1, 6),
    notice_minutes=st.integers(0, 180),
    all_or_nothing=st.just(True),
    ramp_minutes=st.integers(0, 90),
)


def many(specs: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(specs, min_size=1, max_size=5)


def assert_same(kind: ModuleType, specs: list[Spec], grid: Grid, **rows: np.ndarray) -> None:
    """rows (N, n) or (N, 1): what each asset's envelope is given."""
    stacked = kind.envelope(SpecColumns(specs, kind.COLUMNS), grid=grid, **rows)
    for k, spec in enumerate(specs):
        own = {name: values[k] if values.shape[1] > 1 or len(grid) == 1 else float(values[k, 0]) for name, values in rows.items()}
        alone: Envelope = kind.envelope(spec, grid=grid, **own)
        for name in ARRAYS:
            whole = getattr(stacked, name)
            assert whole.shape == (len(specs), len(grid)), name
            np.testing.assert_allclose(whole[k], getattr(alone, name), rtol=1e-12, atol=1e-9, err_msg=name)


@settings(deadline=None)
@given(specs=many(storages), grid=grids, seed=seeds)
def test_storage(specs: list[StorageSpec], grid: Grid, seed: int) -> None:
    random = np.random.default_rng(seed)
    energy = np.array([[spec.energy_kwh] for spec in specs])
    stored, margin = random.uniform(-0.1, 1.1, energy.shape) * energy, random.choice([0.0, 0.02, 0.6]) * energy
    assert_same(storage, specs, grid, stored_kwh=stored, margin_kwh=margin)


@settings(deadline=None)
@given(specs=many(plants), grid=grids, seed=seeds)
def test_generation(specs: list[generation.GenerationSpec], grid: Grid, seed: int) -> None:
    available = np.random.default_rng(seed).uniform(-100, 2500, (len(specs), len(grid)))
    assert_same(generation, specs, grid, available_kw=available)


@settings(deadline=None)
@given(specs=many(part_loads | whole_loads), grid=grids, seed=seeds, sure=st.booleans())
def test_load(specs: list[LoadSpec], grid: Grid, seed: int, sure: bool) -> None:
    random = np.random.default_rng(seed)
    rows = {"load_kw": random.uniform(0, 2500, (len(specs), len(grid)))}
    if sure:
        rows["sheddable_from_kw"] = random.uniform(0, 1.2) * rows["load_kw"]
    assert_same(load, specs, grid, **rows)


@settings(deadline=None)
@given(specs=many(stations), grid=grids, seed=seeds)
def test_charging_stations(specs: list[EvStationSpec], grid: Grid, seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (len(specs), len(grid))
    cap = random.uniform(0, 2000, shape)
    most = np.cumsum(random.uniform(0, 1, shape) * cap, axis=1) * grid.hours
    assert_same(ev_station, specs, grid, cap_kw=cap, least_kwh=random.uniform(0, 1, (len(specs), 1)) * most, most_kwh=most)

"""What the comparison reads from the plant."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.kernel.periods import Grid
from vpp.replay.ways import curtailed_kwh, self_consumption
from vpp.twin.plant import HeldSetpoint, Plant, PlantAsset, World

START = datetime(2026, 5, 20, tzinfo=UTC)
DAY = Grid(START, timedelta(minutes=15), 96)


def test_energy_that_was_available_and_not_generated_is_curtailed() -> None:
    """100 kW of sun all day on a 90 kW plant, told to feed in at most 40 kW for two hours; a load takes up to 60 kW."""
    pv = PlantAsset("pv", "pv", GenerationSpec(rated_kw=90), "s1")
    load = PlantAsset("load", "load", LoadSpec(rated_kw=60, must_run_kw=60), "s1")
    world = World(DAY, {"pv": np.full(96, 100.0), "load": np.full(96, 60.0)}, {})
    plant = Plant(assets=[pv, load], world=world, step=timedelta(minutes=5))
    plant.hold(HeldSetpoint("pv", "export_limit_kw", 40.0, START + timedelta(hours=10), START + timedelta(hours=12), 90.0, 1, START))
    plant.advance(DAY.ends_at)
    assert curtailed_kwh(plant, DAY) == pytest.approx(2 * 50.0)
    assert self_consumption(plant, DAY) == pytest.approx((22 * 60 + 2 * 40) / (24 * 90))

"""The world of a day, for the twin: complete or refused."""

from datetime import date

import pytest

from tests.unit.vpp.park_folder.small_park import SmallPark
from vpp.park_folder.world import WorldIncomplete, load_world

DAY = date(2026, 6, 8)


def test_a_day_of_the_world(tmp_path):
    world = load_world(park_dir=SmallPark(tmp_path / "small").write(), data_root=None, day=DAY)
    assert len(world.grid) == 96
    assert sorted(world.natural_kw) == ["ld-1", "pv-1"]  # stations have sessions, storages have neither
    assert world.natural_kw["pv-1"].max() == 40
    assert world.day_ahead_cny_per_mwh.shape == (96,)


def test_a_car_that_came_the_evening_before_needs_only_the_rest(tmp_path):
    world = load_world(park_dir=SmallPark(tmp_path / "small").write(), data_root=None, day=DAY)
    night = next(s for s in world.sessions["ev-2"] if s.key == "night")
    assert (night.arrives_at, night.departs_at) == (-2, 6)
    assert night.need_kwh == pytest.approx(42 - 2 * 7)  # two hours at 7 kW are behind it


def test_two_days_are_one_grid(tmp_path):
    world = load_world(park_dir=SmallPark(tmp_path / "small").write(), data_root=None, day=DAY, n_days=2)
    assert len(world.grid) == 192
    assert max(s.arrives_at for s in world.sessions["ev-2"]) > 24


def test_a_day_with_a_gap_is_not_played(tmp_path):
    small = SmallPark(tmp_path / "small")
    del small.power[1 + 7 * 96 + 40]
    with pytest.raises(WorldIncomplete, match="ld-1, pv-1"):
        load_world(park_dir=small.write(), data_root=None, day=DAY)


def test_a_gap_of_the_day_before_does_not_matter(tmp_path):
    small = SmallPark(tmp_path / "small")
    del small.power[1 + 6 * 96 + 40]
    assert len(load_world(park_dir=small.write(), data_root=None, day=DAY).grid) == 96

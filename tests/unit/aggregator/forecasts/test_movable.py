"""What a forecast activity lets be moved, by kind."""

import numpy as np
import pytest

from aggregator.assets.domain import Spec, parse_spec
from aggregator.forecasts.domain import KIND_MODELS, movable_of
from tests.unit.aggregator.forecasts.synthetic import SPECS

ACTIVITY = np.array([[0.0, 100.0, 300.0]])


@pytest.mark.parametrize(
    ("spec", "up", "down"),
    [
        (SPECS["pv"], [0, 0, 0], [0, 100, 300]),
        (parse_spec("wind", {"rated_kw": 500, "curtailable": False}), [0, 0, 0], [0, 0, 0]),
        (SPECS["load"], [0, 0, 150], [0, 0, 0]),
        (parse_spec("load", {"rated_kw": 500, "must_run_kw": 0, "sheddable": False}), [0, 0, 0], [0, 0, 0]),
        (parse_spec("load", {"rated_kw": 500, "must_run_kw": 0, "max_calls_per_day": 0}), [0, 0, 0], [0, 0, 0]),
        (SPECS["ev_station"], [0, 100, 300], [0, 0, 0]),
        (SPECS["air_conditioning"], [0, 100, 300], [400, 300, 100]),
        (SPECS["storage"], [0, 0, 0], [0, 0, 0]),
    ],
)
def test_rooms_of_each_kind(spec: Spec, up: list[float], down: list[float]) -> None:
    rooms = movable_of([spec]).rooms(ACTIVITY)
    np.testing.assert_array_equal(rooms[0], [up])
    np.testing.assert_array_equal(rooms[1], [down])


def test_many_assets_are_rows_in_their_order() -> None:
    kinds = [kind for kind in SPECS if kind in KIND_MODELS]
    activity = np.random.default_rng(0).uniform(0, 400, (len(kinds), 2, 5))
    together = movable_of([SPECS[kind] for kind in kinds]).rooms(activity)
    for k, kind in enumerate(kinds):
        alone = movable_of([SPECS[kind]]).rooms(activity[k : k + 1])
        for whole, one in zip(together, alone, strict=True):
            np.testing.assert_array_equal(whole[k : k + 1], one)

"""The checker finds every planted fault by its name, and only that."""

import numpy as np
import pytest

from aggregator.dispatch.domain.split import SplitProblem, check_split, split_instruction


@pytest.fixture
def problem() -> SplitProblem:
    return SplitProblem(
        site=np.array([0, 0, 1]),
        down_room_kw=np.array([5.0, 5.0, 5.0]),
        up_room_kw=np.array([10.0, 20.0, 30.0]),
        cost_cny_per_kwh=np.array([0.1, 0.2, 0.3]),
        site_down_kw=np.array([10.0, 10.0]),
        site_up_kw=np.array([25.0, 40.0]),
        change_kw=30.0,
    )


def limits(problem: SplitProblem, change, shortfall: float = 0.0) -> list[tuple[str, int]]:
    return [(found.limit, found.index) for found in check_split(problem, np.array(change), shortfall)]


def test_a_proper_split_passes(problem) -> None:
    found = split_instruction(problem, deadline_s=5.0)
    assert check_split(problem, found.change_kw, found.shortfall_kw) == []


@pytest.mark.parametrize(
    ("change", "shortfall", "broken"),
    [
        ([10.0, 15.0, 5.0], 0.0, []),
        ([11.0, 10.0, 9.0], 0.0, [("room", 0)]),
        ([10.0, 20.0, 0.0], 0.0, [("site_room", 0)]),
        ([-1.0, 11.0, 20.0], 0.0, [("direction", 0)]),
        ([10.0, 10.0, 9.0], 0.0, [("sum", 0)]),
        ([10.0, 10.0, 9.0], 1.0, []),
        ([10.0, 10.0, 9.95], 0.0, []),
        ([10.0, 15.0, 6.0], -1.0, [("sum", 0)]),
        ([9.9995, 10.0, 10.0005], 0.0, [("unit", 0), ("unit", 2)]),
        ([10.0, float("nan"), 10.0], 0.0, [("number", 0)]),
        ([10.0, 20.0], 0.0, [("number", 0)]),
    ],
)
def test_what_is_broken_is_named(problem, change, shortfall, broken) -> None:
    assert limits(problem, change, shortfall) == broken

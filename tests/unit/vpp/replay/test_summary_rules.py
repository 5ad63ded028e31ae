"""The rules that `.ci/run` holds the demo's summary against: each fails for the fault that it is there for."""

import pytest

from tests.check_summary import DISOBEDIENT, problems

GOOD = {
    **dict.fromkeys(
        "park delivery_day synthetic assets periods forecast captured_value_ratio bid_mwh award_mwh peak_memory_mib".split(), 1
    ),
    "renewable_self_consumption_ratio_without": 1.0,
    "renewable_self_consumption_ratio_with": 0.92,
    "curtailed_mwh_with": 8.0,
    "spot_bid_mwh": -250.0,
    "spot_award_mwh": -260.0,
    "cost_without_vpp_fen": 3,
    "cost_with_vpp_fen": 2,
    "cost_perfect_foresight_fen": 1,
    "instruction_mwh": 12.0,
    "delivered_mwh": 11.5,
    "deficiency_mwh": 0.5,
    "setpoints": 100,
    "acknowledged": 90,
    "followed": 40,
    "contradicted": 1,
    "owner_need": 9,
    "unverified": 10,
    "superseded": 40,
    "pending": 0,
    "contradicted_assets": [DISOBEDIENT],
    "redispatched": 2,
    "plans_withheld": 0,
    "revenue_fen": 100,
    "statements_total_fen": 80,
    "operator_fen": 20,
    "unallocated_fen": 0,
    "limit_violations": 0,
    "messages_in": 8,
    "messages_out": 3,
    "duplicates_ignored": 3,
    "steps": [{"name": "bid", "seconds": 1.0}],
}


def test_a_good_day_has_no_problems():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ({"contradicted": 0, "unverified": 11, "contradicted_assets": []}, "the disobedient storage was caught, and nobody else"),
        ({"contradicted_assets": ["ld-somebody"]}, "the disobedient storage was caught, and nobody else"),
        ({"superseded": 39}, "each setpoint is counted once"),
        ({"pending": 1, "superseded": 39}, "every setpoint was judged"),
        ({"plans_withheld": 4}, "no plan was withheld"),
        ({"acknowledged": 101}, "followed and contradicted were established"),
    ],
)
def test_each_fault_is_named(fault, rule):
    assert problems(GOOD | fault) == [f"not so: {rule}"]

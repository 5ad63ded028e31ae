"""The contracted curve: which days count, rounding to 10 kW, and refusals by name."""

from datetime import date
from fractions import Fraction

import pytest

from market.settlement.domain import ContractCurveHistoryShort, ContractCurveMethodUnknown, contract_curve_wh

THURSDAY = date(2025, 6, 12)
QUARTER = Fraction(1, 4)
TYPICAL = {"method": "typical_day"}


def june(*values: tuple[int, list[int | None]]) -> dict[date, list[int | None]]:
    return {date(2025, 6, day): wh for day, wh in values}


def curve(history, *, day=THURSDAY, rule=TYPICAL, hours=QUARTER, n_periods=1):
    return contract_curve_wh(site="E/s", rule=rule, day=day, n_periods=n_periods, hours=hours, history=history)


def test_mean_of_the_last_four_working_days_in_steps_of_ten_kw():
    # 7 and 8 June are a weekend, 2 June is the Dragon Boat holiday, the fifth working day back does not count.
    history = june((11, [-10_000]), (10, [-20_000]), (9, [-30_000]), (8, [0]), (7, [0]), (6, [-43_000]), (5, [-999_000]), (2, [0]))
    # mean -25,750 Wh = -103 kW for a quarter of an hour: ten whole steps of 2,500 Wh
    assert curve(history) == (-25_000,)


def test_half_a_step_is_rounded_away_from_zero():
    assert curve(june(*((day, [-3_750]) for day in (11, 10, 9, 6)))) == (-5_000,)
    assert curve(june(*((day, [3_750]) for day in (11, 10, 9, 6)))) == (5_000,)


def test_rest_days_speak_for_rest_days():
    history = june((8, [-5_000]), (7, [-5_000]), (6, [-90_000]), (1, [-5_000]), (2, [-5_000]))
    assert curve(history, day=date(2025, 6, 14)) == (-5_000,)


def test_a_day_with_a_gap_is_skipped_and_nothing_after_the_day_counts():
    history = june((13, [-90_000]), (12, [-90_000]), (11, [None]), (10, [-5_000]), (9, [-5_000]), (6, [-5_000]), (5, [-5_000]))
    assert curve(history) == (-5_000,)


def test_too_few_days_are_refused_by_name():
    with pytest.raises(ContractCurveHistoryShort, match="site E/s needs 4 complete days"):
        curve(june((11, [-1]), (10, [-1]), (9, [-1])))


def test_none_contracts_nothing_and_needs_no_history():
    assert curve({}, rule={"method": "none"}, n_periods=3) == (0, 0, 0)


@pytest.mark.parametrize("rule", [{}, {"method": "guess"}])
def test_other_methods_are_refused(rule):
    with pytest.raises(ContractCurveMethodUnknown):
        curve({}, rule=rule)

"""Terms and share rules."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.enterprises.domain import ShareRuleRefused, Term, operator_ratios

FIRST = date(2026, 1, 1)


@st.composite
def terms(draw):
    start = draw(st.integers(0, 40))
    length = draw(st.one_of(st.none(), st.integers(1, 20)))
    return Term(FIRST + timedelta(days=start), None if length is None else FIRST + timedelta(days=start + length))


def days_of(term: Term) -> set[date]:
    days = [FIRST + timedelta(days=k) for k in range(100)]
    return {day for day in days if term.valid_from <= day and (term.valid_to is None or day < term.valid_to)}


@given(one=terms(), other=terms())
def test_terms_overlap_exactly_when_they_share_a_day(one, other):
    assert one.overlaps(other) == bool(days_of(one) & days_of(other)) == other.overlaps(one)


def test_a_contract_may_begin_on_the_day_on_which_the_last_one_ends():
    assert not Term(date(2026, 1, 1), date(2026, 7, 1)).overlaps(Term(date(2026, 7, 1), date(2027, 1, 1)))


def test_ratios_are_exact():
    rule = {"kind": "fixed_share", "operator_ratio": {"spot": "0.20", "demand_response": 0.1, "green": "0"}}
    assert operator_ratios(rule) == {"spot": Decimal("0.20"), "demand_response": Decimal("0.1"), "green": Decimal(0)}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"kind": "by_feeling"}, "unknown kind"),
        ({"kind": "fixed_share", "operator_ratio": {"spot": "0.2"}}, "missing"),
        ({"kind": "fixed_share", "operator_ratio": {"spot": "0.2", "demand_response": "0.2", "green": "0.2", "tips": "1"}}, "unknown"),
        ({"kind": "fixed_share", "operator_ratio": {"spot": "1.2", "demand_response": "0.2", "green": "0.2"}}, "outside"),
        ({"kind": "fixed_share", "operator_ratio": {"spot": "nan", "demand_response": "0.2", "green": "0.2"}}, "outside"),
        ({"kind": "fixed_share", "operator_ratio": {"spot": "a fifth", "demand_response": "0.2", "green": "0.2"}}, "no number"),
    ],
)
def test_a_rule_that_does_not_say_it_all_is_refused(rule, why):
    with pytest.raises(ShareRuleRefused, match=why):
        operator_ratios(rule)

"""Fen add up, always."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.money import amount_cny, apportion, fen_from_cny, split

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=8, allow_nan=False, allow_infinity=False)
keys = st.text(alphabet="abcdefgh", min_size=1, max_size=3)
weights = st.dictionaries(keys, st.decimals(min_value=0, max_value=10**6, places=3), min_size=1, max_size=8)


def rounded_sum(exact):
    return fen_from_cny(sum(exact.values(), Decimal(0)) / 100)


@given(st.dictionaries(keys, amounts, max_size=12))
def test_apportioned_fen_add_up_and_stay_next_to_the_exact_amount(exact):
    total = rounded_sum(exact)
    shares = apportion(total, exact)
    assert sum(shares.values()) == total
    assert all(abs(Decimal(shares[key]) - exact[key]) < 1 for key in exact)


@given(st.dictionaries(keys, amounts, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_apportioning_does_not_depend_on_the_order(exact, random):
    total = rounded_sum(exact)
    shuffled = list(exact.items())
    random.shuffle(shuffled)
    assert apportion(total, dict(shuffled)) == apportion(total, exact)


def test_ties_go_to_the_smaller_key():
    assert apportion(1, {"b": Decimal("0.5"), "a": Decimal("0.5")}) == {"a": 1, "b": 0}


def test_apportion_refuses_another_pool():
    with pytest.raises(ValueError, match="nothing else"):
        apportion(5, {"a": Decimal(1)})


def test_a_pool_that_rounds_up_gives_the_fen_to_the_largest_remainder():
    assert apportion(10000, {"a": Decimal("3333.3"), "b": Decimal("3333.3"), "c": Decimal("3333.4")}) == {"a": 3333, "b": 3333, "c": 3334}


@given(st.integers(-(10**9), 10**9), weights)
def test_splits_add_up_with_the_sign_of_the_pool(total, weights):
    if total and not any(weights.values()):
        with pytest.raises(ValueError, match="weights are zero"):
            split(total, weights)
        return
    shares = split(total, weights)
    assert sum(shares.values()) == total
    assert all(share * total >= 0 for share in shares.values())
    assert all(weights[key] or not shares[key] for key in weights)
    assert split(-total, weights) == {key: -share for key, share in shares.items()}


@given(st.integers(1, 10**6), weights)
def test_no_share_is_a_fen_away_from_its_part(total, weights):
    whole = sum(weights.values())
    if whole:
        shares = split(total, weights)
        assert all(abs(shares[key] - total * weights[key] / whole) <= Decimal("1.0000001") for key in weights)


def test_thirds_of_a_hundred_yuan():
    """The textbook case: 3334, 3333, 3333."""
    assert sorted(split(10000, {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)}).values()) == [3333, 3333, 3334]


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match=">= 0"):
        split(1, {"a": Decimal(-1)})


@pytest.mark.parametrize(("cny", "fen"), [("0.005", 1), ("-0.005", -1), ("0.0049", 0), ("1.015", 102), ("-1.015", -102), ("0", 0)])
def test_fen_round_half_up_away_from_zero(cny, fen):
    assert fen_from_cny(Decimal(cny)) == fen


def test_a_price_times_energy_is_exact():
    assert amount_cny(kwh=Decimal("1234.567"), price_cny_per_mwh=Decimal("-80.1234")) == Decimal("-98.9177055678")

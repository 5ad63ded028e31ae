"""One hash for the same inputs, another one for any difference."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.fingerprint import fingerprint

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Facts:
    day: date
    price: Decimal
    power: np.ndarray


def facts(**changes):
    given = {"day": date(2025, 6, 23), "price": Decimal("1.50"), "power": np.array([1.0, np.nan])}
    return Facts(**{**given, **changes})


@given(st.dictionaries(st.text(), plain, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_a_dict_does_not_matter(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert fingerprint(dict(items)) == fingerprint(value)


@given(st.lists(st.integers(), min_size=1, max_size=6))
def test_the_order_of_a_list_matters(value):
    if value != value[::-1]:
        assert fingerprint(value) != fingerprint(value[::-1])


def test_the_same_facts_have_the_same_hash():
    assert fingerprint(facts()) == fingerprint(facts())
    assert fingerprint(facts(price=Decimal("1.5"))) == fingerprint(facts())


@pytest.mark.parametrize(
    "changes",
    [
        {"day": date(2025, 6, 24)},
        {"price": Decimal("1.51")},
        {"power": np.array([1.0, 0.0])},
        {"power": np.array([[1.0, np.nan]])},
        {"power": np.array([1.0, np.nan], dtype=np.float32)},
    ],
)
def test_any_difference_shows(changes):
    assert fingerprint(facts(**changes)) != fingerprint(facts())


def test_sets_times_and_models_have_a_form():
    assert fingerprint({"b", "a"}) == fingerprint(["a", "b"])
    assert fingerprint(datetime(2025, 6, 23, tzinfo=UTC)) != fingerprint(datetime(2025, 6, 24, tzinfo=UTC))
    assert fingerprint(timedelta(minutes=15)) == fingerprint(900.0)


def test_a_view_of_an_array_counts_as_its_values():
    assert fingerprint(np.arange(10)[::2]) == fingerprint(np.array([0, 2, 4, 6, 8]))


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError, match="no canonical form"):
        fingerprint(object())

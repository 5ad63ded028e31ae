"""What certificates allow: valid ones only, the newest of each, the lesser of the portfolio's and its assets'."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.assets.domain import Certificate
from market.bids.domain import UNCERTIFIED, bound_rows, capability

DAY = date(2026, 3, 3)
RATED = {1: 500.0, 2: 300.0}


def one(kw, *, asset_id=None, direction="up", issued=DAY - timedelta(days=90), until=DAY + timedelta(days=90), document="No. 1"):
    return Certificate(asset_id, direction, kw, issued, until, document, "a test's")


def allowed(*certificates, required=False):
    return capability(certificates, day=DAY, rated_kw=RATED, required=required)


def test_without_certificates_ratings_and_connections_stand_alone_unless_the_rules_ask_for_one():
    assert allowed() == UNCERTIFIED
    assert (allowed(required=True).up_kw, allowed(required=True).down_kw) == (0.0, 0.0)
    assert allowed(required=True).missing(1)


def test_both_days_of_a_certificate_are_included_and_what_is_over_does_not_count():
    assert allowed(one(200.0, issued=DAY, until=DAY)).up_kw == 200.0
    assert allowed(one(200.0, until=DAY - timedelta(days=1))) == UNCERTIFIED
    assert allowed(one(200.0, issued=DAY + timedelta(days=1))) == UNCERTIFIED
    assert allowed(one(200.0, until=DAY - timedelta(days=1)), required=True).up_kw == 0.0


def test_the_newest_of_one_subject_and_direction_counts():
    old, new = one(200.0), one(350.0, issued=DAY - timedelta(days=3), document="No. 2")
    assert allowed(new, old).up_kw == 350.0
    assert allowed(old, new).certificates == (new,)


def test_an_asset_without_one_counts_with_its_rating_or_where_one_is_asked_for_with_nothing():
    own = one(120.0, asset_id=1)
    assert allowed(own).up_kw == 120.0 + 300.0
    assert allowed(own, required=True).up_kw == 120.0
    assert allowed(own).down_kw == np.inf
    assert allowed(one(120.0, asset_id=77)) == UNCERTIFIED  # of an asset that left the portfolio


@given(st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.floats(1, 1e4), st.integers(0, 50)), max_size=6), st.booleans())
def test_no_certificate_is_ever_exceeded_and_their_order_changes_nothing(rows, required):
    made = [one(kw, asset_id=asset, issued=DAY - timedelta(days=back), document=f"{k}") for k, (asset, kw, back) in enumerate(rows)]
    found = allowed(*made, required=required)
    assert found == allowed(*reversed(made), required=required)
    whole = [row for row in found.certificates if row.asset_id is None]
    assert all(found.up_kw <= row.kw for row in whole)
    if required:
        assert found.up_kw <= sum(row.kw for row in found.certificates)


def test_the_row_says_which_of_the_two_bounded_it():
    rows = bound_rows(allowed(one(200.0), one(900.0, direction="down")), declared_up_kw=700.0, declared_down_kw=800.0)
    assert (rows["up"]["basis"], rows["up"]["kw"], rows["up"]["documents"][0]["document"]) == ("certificate", 200.0, "No. 1")
    assert (rows["down"]["basis"], rows["down"]["kw"]) == ("declared", 800.0)
    assert bound_rows(UNCERTIFIED, declared_up_kw=1.0, declared_down_kw=1.0)["up"]["certified_kw"] is None

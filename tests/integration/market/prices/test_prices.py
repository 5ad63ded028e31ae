"""Price curves: revisions, and what was known when."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from aggregator.enterprises.models import Park
from market.prices.domain import PricesMalformed
from market.prices.models import PriceCurve
from market.prices.operations import MarketUnknown, record_prices, record_published
from market.prices.queries import curve, history

pytestmark = pytest.mark.django_db
DAY = date(2025, 6, 23)
NOON = datetime(2025, 6, 22, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def park():
    return Park.objects.create(
        code="demo", name_zh="示范园区", name_en="Demo", province="LN", latitude=41.8, longitude=123.4, synthetic=True
    )


@pytest.fixture
def record(park):
    def keep(first="300", **changes):
        given = {
            "park_id": park.pk,
            "market": "day_ahead",
            "day": DAY,
            "resolution": HOUR,
            "prices": [Decimal(first), None, Decimal(0)] + [Decimal("-80.1234")] * 21,
            "available_at": NOON,
            "source": "twin",
            "synthetic": True,
        }
        return record_prices(**{**given, **changes})

    return keep


def known(park, at, market="day_ahead"):
    return curve(park_id=park.pk, market=market, day=DAY, known_at=at)


def test_what_was_recorded_is_read(park, record):
    record()
    day = known(park, NOON)
    assert day.decimals[:4] == [Decimal(300), None, Decimal(0), Decimal("-80.1234")]
    np.testing.assert_array_equal(day.cny_per_mwh[:4], [300, np.nan, 0, -80.1234])
    assert (day.revision, day.source, day.synthetic, day.available_at, day.resolution) == (1, "twin", True, NOON, HOUR)


def test_nothing_is_known_before_it_is_published(park, record):
    record()
    assert known(park, NOON - timedelta(seconds=1)) is None
    assert known(park, NOON, market="real_time") is None


def test_the_same_prices_again_change_nothing(record):
    assert record().pk == record(available_at=NOON + HOUR).pk
    assert PriceCurve.objects.count() == 1


def test_a_correction_is_a_new_revision_and_the_old_one_stays_known_as_of_then(park, record):
    record()
    record("310", available_at=NOON + HOUR)
    assert known(park, NOON).decimals[0] == 300
    later = known(park, NOON + HOUR)
    assert (later.decimals[0], later.revision) == (310, 2)


def test_back_to_the_first_prices_is_a_third_revision(park, record):
    for k, first in enumerate(["300", "310", "300"]):
        record(first, available_at=NOON + k * HOUR)
    assert known(park, NOON + 2 * HOUR).revision == 3


def test_history_gives_the_days_that_are_known_and_no_others(park, record):
    record()
    record(day=DAY + timedelta(days=1), available_at=NOON + 24 * HOUR)
    record("310", available_at=NOON + HOUR)
    days = [DAY + timedelta(days=k) for k in range(-1, 3)]
    found = history(park_id=park.pk, market="day_ahead", days=days, known_at=NOON + HOUR)
    assert list(found) == [DAY]
    assert found[DAY][0] == 310


@pytest.mark.parametrize("changes", [{"prices": [Decimal(1)] * 23}, {"prices": []}, {"resolution": timedelta(minutes=15)}])
def test_a_curve_that_does_not_fit_the_day_is_refused(record, changes):
    with pytest.raises(PricesMalformed):
        record(**changes)
    assert PriceCurve.objects.count() == 0


def test_an_unknown_market_is_refused(record):
    with pytest.raises(MarketUnknown):
        record(market="intraday")


def published(**changes):
    given = {
        "market": "real_time",
        "day": "2025-06-23",
        "resolution_s": 3600,
        "prices_cny_per_mwh": ["1.5", None] + ["0"] * 22,
        "source": "NE",
        "synthetic": False,
    }
    return {**given, **changes}


def test_a_published_message_is_recorded(park):
    record_published(park_id=park.pk, data=published(), available_at=NOON)
    assert known(park, NOON, market="real_time").decimals[:3] == [Decimal("1.5"), None, Decimal(0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"day": "23/06/2025"},
        {"day": 20250623},
        {"resolution_s": "hourly"},
        {"resolution_s": 1e300},
        {"resolution_s": None},
        {"prices_cny_per_mwh": None},
        {"prices_cny_per_mwh": "1" * 24},
        {"prices_cny_per_mwh": [1.5] * 24},
        {"prices_cny_per_mwh": {"0": "1"}},
        {"synthetic": "no"},
        {"source": 7},
        {"source": "x" * 201},
        {"resolution_s": True},
        {"market": ["day_ahead"]},
    ],
)
def test_a_malformed_message_is_refused_whole(park, changes):
    with pytest.raises((PricesMalformed, MarketUnknown)):
        record_published(park_id=park.pk, data=published(**changes), available_at=NOON)
    assert PriceCurve.objects.count() == 0


@pytest.mark.parametrize("part", list(published()))
def test_a_message_without_one_part_is_refused(park, part):
    data = published()
    del data[part]
    with pytest.raises(PricesMalformed, match=part):
        record_published(park_id=park.pk, data=data, available_at=NOON)

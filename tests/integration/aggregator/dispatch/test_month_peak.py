"""The month's largest import so far: by the meters, and by telemetry until they are read."""

from datetime import timedelta

import numpy as np
import pytest

from aggregator.assets.queries import members_on
from aggregator.dispatch import queries
from aggregator.dispatch.domain import peak_price_cny_per_kw
from aggregator.kernel.periods import delivery_day
from aggregator.metering.domain import MISSING_WH
from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.support.arrays import pack_i8
from tests.integration.aggregator.dispatch.park import DAY, MIDNIGHT, Built, build, listening, measure

pytestmark = pytest.mark.django_db
YESTERDAY, FIRST = DAY - timedelta(days=1), DAY.replace(day=1)


@pytest.fixture
def park():
    with listening() as one, listening() as two:
        yield build(endpoints={"a": one, "b": two})


def read(park: Built, site: str, day, kw: float, *, gap: bool = False) -> None:
    """Every quarter of the day 10 kW of import, and `kw` in its last one."""
    point, _ = MeteringPoint.objects.get_or_create(site=park.sites[site], code=f"duo.{site}", defaults={"kind": "connection"})
    grid = delivery_day(day, resolution=timedelta(minutes=15))
    wh = np.full(len(grid), 2_500)
    wh[-1] = MISSING_WH if gap else round(kw * 250)
    MeterReading.objects.create(
        metering_point=point,
        day=day,
        revision=1,
        resolution_s=900,
        import_wh=pack_i8(wh),
        export_wh=pack_i8(np.zeros(len(grid), dtype=np.int64)),
        quality="measured",
        source="test",
        available_at=grid.ends_at + timedelta(hours=2),
    )


def peaks(park: Built, *, before, known_at) -> dict[str, float]:
    members = members_on(portfolio_id=park.portfolio.pk, day=DAY)
    found = queries.month_peaks_kw(members=members, before=before, known_at=known_at)
    return {site: round(found[row.pk], 3) for site, row in park.sites.items()}


def test_the_meters_count_as_they_were_known(park: Built) -> None:
    read(park, "a", FIRST - timedelta(days=1), 900.0)  # the month before
    read(park, "a", FIRST, 400.0)
    read(park, "b", FIRST, 250.0, gap=True)
    assert peaks(park, before=MIDNIGHT, known_at=MIDNIGHT) == {"a": 400.0, "b": 10.0}
    early = delivery_day(FIRST, resolution=timedelta(hours=1)).ends_at  # not read yet
    assert peaks(park, before=MIDNIGHT, known_at=early) == {"a": 0.0, "b": 0.0}
    assert peaks(park, before=delivery_day(FIRST, resolution=timedelta(hours=1)).starts_at, known_at=MIDNIGHT) == {"a": 0.0, "b": 0.0}


def test_telemetry_stands_in_until_a_day_is_read(park: Built) -> None:
    read(park, "a", FIRST, 300.0)
    for code, kw in (("plant", -500.0), ("bat-a", 80.0)):
        measure(park.assets[code], starts_at=MIDNIGHT - timedelta(hours=3), minutes=15, injection_kw=kw)
        measure(park.assets[code], starts_at=MIDNIGHT + timedelta(hours=3), minutes=15, injection_kw=-60.0)
    assert peaks(park, before=MIDNIGHT, known_at=MIDNIGHT)["a"] == 420.0
    # Once the day is read, the meter says what it was.
    read(park, "a", YESTERDAY, 380.0)
    assert peaks(park, before=MIDNIGHT + timedelta(hours=4), known_at=MIDNIGHT + timedelta(hours=4))["a"] == 380.0


def test_a_record_costs_what_it_is_likely_to_cost() -> None:
    assert peak_price_cny_per_kw(31.0, day=DAY.replace(day=1)) == pytest.approx(1.0)
    assert peak_price_cny_per_kw(31.0, day=DAY.replace(day=31)) == pytest.approx(31.0)

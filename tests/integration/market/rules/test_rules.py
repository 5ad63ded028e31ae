"""A published version never changes; each day finds the version that was valid then."""

from datetime import date

import pytest

from aggregator.enterprises.operations import register_park
from market.rules.domain import Pack, parse_pack
from market.rules.models import RulePack
from market.rules.operations import PackVersionTaken, publish_pack, put_park_under
from market.rules.queries import NoRulePack, pack_on
from tests.unit.market.rules.packs import demo

pytestmark = pytest.mark.django_db


def changed(**figures) -> Pack:
    return parse_pack({**demo().model_dump(mode="json"), **figures})


@pytest.fixture
def park_id() -> int:
    facts = {"name_zh": "园", "name_en": "Park", "province": "liaoning", "latitude": 41.8, "longitude": 123.4}
    return register_park(code="p", synthetic=True, manifest_sha256="0" * 64, **facts)


def test_publishing_twice_is_once_and_changing_a_version_is_refused():
    assert publish_pack(pack=demo())
    assert not publish_pack(pack=demo())
    with pytest.raises(PackVersionTaken):
        publish_pack(pack=changed(document="another"))
    row = RulePack.objects.get()
    assert (row.reliability, parse_pack(row.data)) == ("synthetic", demo())


def test_each_day_finds_the_newest_version_valid_then(park_id):
    publish_pack(pack=demo())
    publish_pack(pack=changed(version=2, valid_from="2026-07-01"))
    publish_pack(pack=changed(version=3, valid_from="2026-08-01", valid_to="2026-09-01"))
    put_park_under(park_id=park_id, pack_code=demo().code)
    days = {date(2026, 6, 30): 1, date(2026, 7, 1): 2, date(2026, 8, 31): 3, date(2026, 9, 1): 2}
    assert {day: pack_on(park_id=park_id, day=day).version for day in days} == days


def test_no_rules_no_market(park_id):
    publish_pack(pack=demo())
    with pytest.raises(NoRulePack):
        pack_on(park_id=park_id, day=date(2026, 7, 15))  # the park lives under none
    put_park_under(park_id=park_id, pack_code=demo().code)
    with pytest.raises(NoRulePack, match="2017-12-31"):
        pack_on(park_id=park_id, day=date(2017, 12, 31))

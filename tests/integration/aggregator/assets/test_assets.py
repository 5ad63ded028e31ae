"""Portfolios have dated members, an asset is offered once, and facts about it are kept as they became known."""

from datetime import UTC, date, datetime, timedelta

import pytest

from aggregator.assets import operations, queries
from aggregator.assets.domain import SpecRefused
from aggregator.assets.models import Asset
from aggregator.enterprises.operations import register_enterprise, register_park, register_site

pytestmark = pytest.mark.django_db
JUNE, JULY, AUGUST = date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)


@pytest.fixture
def park_id() -> int:
    facts = {"name_zh": "园", "name_en": "Park", "province": "liaoning", "latitude": 41.8, "longitude": 123.4}
    return register_park(code="p", synthetic=True, manifest_sha256="0" * 64, **facts)


@pytest.fixture
def assets(park_id) -> dict[str, int]:
    enterprise_id = register_enterprise(park_id=park_id, code="a", name_zh="a", name_en="a")
    limits = {"import_limit_kw": 100, "export_limit_kw": 50, "tariff_class": "industrial_10kv"}
    site_id = register_site(enterprise_id=enterprise_id, code="s", name_zh="s", name_en="s", **limits)
    return {
        code: operations.register_asset(site_id=site_id, code=code, kind="pv", name_zh=code, name_en=code, spec={"rated_kw": 50})
        for code in ("pv-2", "pv-1")
    }


def portfolio(park_id: int, code: str) -> int:
    return operations.register_portfolio(park_id=park_id, code=code, name_zh=code, name_en=code)


def test_members_of_a_day_by_code(park_id, assets):
    main = portfolio(park_id, "main")
    operations.add_member(portfolio_id=main, asset_id=assets["pv-2"], valid_from=JUNE, valid_to=None)
    operations.add_member(portfolio_id=main, asset_id=assets["pv-1"], valid_from=JUNE, valid_to=JULY)

    def codes(day):
        return [member.code for member in queries.members_on(portfolio_id=main, day=day)]

    assert codes(JUNE) == ["pv-1", "pv-2"]
    assert codes(JULY) == ["pv-2"]  # half-open: the last day is not in it
    assert codes(JUNE - timedelta(days=1)) == []
    member = queries.members_on(portfolio_id=main, day=JUNE)[0]
    assert (member.spec.rated_kw, member.site_code, member.enterprise_code) == (50, "s", "a")
    assert queries.assets_by_id(asset_ids=[member.asset_id])[member.asset_id] == member
    (site,) = queries.sites_on(portfolio_id=main, day=JULY)
    assert (site.code, site.import_limit_kw, site.export_limit_kw) == ("s", 100, 50)


def test_an_asset_is_in_one_portfolio_at_a_time(park_id, assets):
    main, other = portfolio(park_id, "main"), portfolio(park_id, "other")
    operations.add_member(portfolio_id=main, asset_id=assets["pv-1"], valid_from=JUNE, valid_to=JULY)
    for valid_from, valid_to in ((JUNE, None), (date(2026, 6, 30), AUGUST), (date(2026, 5, 1), date(2026, 6, 2))):
        with pytest.raises(operations.MembershipOverlaps, match="main"):
            operations.add_member(portfolio_id=other, asset_id=assets["pv-1"], valid_from=valid_from, valid_to=valid_to)
    operations.add_member(portfolio_id=other, asset_id=assets["pv-1"], valid_from=JULY, valid_to=None)
    with pytest.raises(operations.MembershipOverlaps):  # nor twice in the same one
        operations.add_member(portfolio_id=other, asset_id=assets["pv-1"], valid_from=AUGUST, valid_to=None)


def test_saying_a_membership_again_changes_its_end_only(park_id, assets):
    main = portfolio(park_id, "main")
    for valid_to in (None, JULY, JULY):
        operations.add_member(portfolio_id=main, asset_id=assets["pv-1"], valid_from=JUNE, valid_to=valid_to)
    assert [m.code for m in queries.members_on(portfolio_id=main, day=JULY)] == []
    with pytest.raises(operations.MembershipDatesRefused):
        operations.add_member(portfolio_id=main, asset_id=assets["pv-1"], valid_from=JUNE, valid_to=JUNE)


def test_specs_are_stored_whole_and_wrong_ones_are_refused(assets):
    asset = Asset.objects.get(pk=assets["pv-1"])
    assert asset.spec == {"rated_kw": 50.0, "curtailable": True, "tilt_deg": 25.0, "azimuth_deg": 180.0}
    same = {"site_id": asset.site_id, "code": "pv-1", "name_zh": "新", "name_en": "New"}
    assert operations.register_asset(kind="pv", spec={"rated_kw": 60}, **same) == asset.pk
    with pytest.raises(SpecRefused):
        operations.register_asset(kind="pv", spec={"rated_kw": -1}, **same)
    with pytest.raises(operations.KindIsFixed):
        operations.register_asset(kind="wind", spec={"rated_kw": 60}, **same)


def test_commitments_as_they_were_known(assets):
    noon = datetime(2026, 6, 1, 4, tzinfo=UTC)
    hour = timedelta(hours=1)
    fact = {"asset_id": assets["pv-1"], "kind": "intervened", "starts_at": noon, "ends_at": noon + hour, "reference": "plan-1"}
    for available_at in (noon - hour, noon):  # said twice: the first counts
        operations.write_commitment(available_at=available_at, **fact)
    operations.write_commitment(
        asset_id=assets["pv-2"], kind="event_day", starts_at=noon, ends_at=noon + hour, available_at=noon + hour, reference=""
    )

    def found(starts_at=noon, ends_at=noon + hour, known_at=noon + hour, kinds=None):
        rows = queries.commitments(asset_ids=list(assets.values()), starts_at=starts_at, ends_at=ends_at, known_at=known_at, kinds=kinds)
        return [row.kind for row in rows]

    assert found() == ["intervened", "event_day"]
    assert found(known_at=noon) == ["intervened"]
    assert found(kinds=["event_day"]) == ["event_day"]
    assert found(starts_at=noon + hour, ends_at=noon + 2 * hour) == []  # half-open


def test_portfolios(park_id, assets):
    main = portfolio(park_id, "main")
    facts = queries.portfolio(portfolio_id=main)
    assert (facts.code, facts.park_code, facts.resolution_s, facts.synthetic) == ("main", "p", 900, True)
    assert queries.portfolios(park_id=park_id) == queries.portfolios() == [facts]

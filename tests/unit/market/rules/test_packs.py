"""Packs: what is known, how far it can be relied on, and overlays that cannot borrow a label."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from market.rules.domain import FigureUnknown, PackRefused, day_times, figure, merge_packs, parse_pack
from tests.unit.market.rules.packs import data, demo, liaoning


def test_liaoning_names_its_document_and_all_that_is_missing():
    pack = liaoning()
    assert pack.document == "辽发改价格〔2023〕441号"
    assert pack.section_reliability == {"bands": "reported", "multipliers": "unconfirmed"}
    assert {"bands", "multipliers.peak", "multipliers.valley", "tariff", "demand_response"} <= set(pack.needs_confirmation)


def test_the_overlay_keeps_the_published_bands_and_labels_its_own_figures():
    pack = demo()
    assert pack.bands == liaoning().bands
    reliability = pack.section_reliability
    assert reliability.pop("bands") == "reported"
    assert set(reliability.values()) == {"synthetic"}
    assert pack.reliability == "synthetic"
    assert pack.needs_confirmation == ("bands", "spot.certificate_required", "demand_response.certificate_required", "reserve")


def test_an_overlay_that_hides_its_provenance_is_refused():
    with pytest.raises(PackRefused, match="multipliers"):
        merge_packs(base=data("liaoning"), overlay={"code": "sly", "multipliers": {"peak": 1.5}})


def test_an_overlay_replaces_figures_one_by_one():
    merged = merge_packs(
        base=data("demo_liaoning_overlay"),
        overlay={"code": "x", "demand_response": {"provenance": {"reliability": "reported"}, "min_kw": 1}},
    )
    assert merged["demand_response"]["min_kw"] == 1
    assert merged["demand_response"]["tier"] == "R-80/120"
    assert merged["demand_response"]["provenance"] == {"reliability": "reported"}


def test_a_pack_survives_its_storage():
    assert parse_pack(demo().model_dump(mode="json")) == demo()


def test_figures_by_path():
    assert figure(pack=demo(), path="demand_response.price_cap_cny_per_mwh") == Decimal(3000)
    with pytest.raises(FigureUnknown, match=r"spot\.price_cap_cny_per_mwh"):
        figure(pack=liaoning(), path="spot.price_cap_cny_per_mwh")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"colour": "green"}, "colour"),
        ({"valid_to": "2017-01-01"}, "valid_to"),
        ({"bands": {"provenance": {"reliability": "reported"}, "rules": [{"band": "peak", "ranges": [["7:30", "25:00"]]}]}}, "25:00"),
        ({"bands": {"provenance": {"reliability": "reported"}, "rules": [{"band": "dear", "ranges": [["07:30", "09:00"]]}]}}, "band"),
        ({"bands": {"rules": []}}, "provenance"),
    ],
)
def test_a_wrong_pack_is_refused_with_the_reason(change, why):
    with pytest.raises(PackRefused, match=why):
        parse_pack({**demo().model_dump(mode="json"), **change})


def test_gate_closure_must_follow_the_bid():
    pack = demo().model_dump(mode="json")
    pack["hours"]["gate_closes_at"] = "10:00"
    with pytest.raises(PackRefused, match="gate_closes_at"):
        parse_pack(pack)


def test_the_hours_of_a_delivery_day_lie_on_the_days_around_it():
    times = day_times(pack=demo(), day=date(2026, 7, 15))
    assert times.gate_closes_at == datetime(2026, 7, 14, 3, 30, tzinfo=UTC)  # 11:30 in Shanghai
    assert times.settle_at == datetime(2026, 7, 16, 1, 0, tzinfo=UTC)

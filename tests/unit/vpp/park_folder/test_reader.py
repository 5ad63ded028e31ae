"""park.yaml: every problem at once, each with its line; the descriptors that ship are valid."""

from pathlib import Path
from typing import get_args

import pytest

from aggregator.assets.models import SPLIT_RULES
from tests.unit.vpp.park_folder.small_park import SmallPark, contract
from vpp.park_folder.problems import Findings, ParkRefused
from vpp.park_folder.reader import read_descriptor, rule_pack
from vpp.park_folder.schema import Portfolio

PARKS = Path(__file__).resolve().parents[4] / "fixtures" / "parks"


@pytest.fixture
def small(tmp_path) -> SmallPark:
    return SmallPark(tmp_path / "small")


def problems(small: SmallPark):
    with pytest.raises(ParkRefused) as refused:
        read_descriptor(small.write())
    return refused.value.problems


@pytest.mark.parametrize("name", ["demo", "measured"])
def test_the_parks_that_ship_are_valid(name):
    findings = Findings()
    park = read_descriptor(PARKS / name)
    assert rule_pack(PARKS / name, park, findings).reliability == "synthetic"
    assert not findings.problems


def test_the_demo_park_is_as_big_as_it_says():
    park = read_descriptor(PARKS / "demo")
    kinds = [asset.kind for asset in park.assets]
    assert (len(park.enterprises), len(kinds)) == (12, 65)
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "pv": 14,
        "wind": 3,
        "storage": 10,
        "ev_station": 9,
        "load": 25,
        "air_conditioning": 2,
        "two_way_charger": 2,
    }
    assert park.synthetic
    assert {asset.origin for asset in park.assets} == {"synthetic"}


def test_the_measured_park_holds_no_data_and_says_what_is_assumed():
    park = read_descriptor(PARKS / "measured")
    assert [path.name for path in (PARKS / "measured").iterdir()] == ["park.yaml"]
    assert {source.root for source in {**park.series, **park.sessions}.values()} == {"data"}
    assert {asset.origin for asset in park.assets} == {"assumed"}


def test_all_problems_come_at_once_with_their_lines(small):
    site = small.data["enterprises"][0]["sites"][0]
    site["import_limit_kw"] = -1
    site["assets"][0]["spec"] = {"rated_kw": 100, "colour": "blue"}
    small.data["colour"] = "green"
    found = problems(small)
    assert [p.line for p in found] == sorted(
        [small.line_of("import_limit_kw: -1"), small.line_of("code: pv-1"), small.line_of("colour: green")]
    )
    assert any("blue" not in str(p) and "colour" in str(p) for p in found)


def test_overlapping_contracts_of_one_enterprise(small):
    small.data["enterprises"][0]["contracts"].append(contract("S-9", "2026-06-01", "2027-06-01"))
    (problem,) = problems(small)
    assert (problem.code, problem.line) == ("contract.overlap", small.line_of("S-9"))


def test_a_contract_that_follows_another_is_fine(small):
    small.data["enterprises"][0]["contracts"].append(contract("S-9", "2027-01-01", "2028-01-01"))
    assert len(read_descriptor(small.write()).enterprises[0].contracts) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d["enterprises"][1]["sites"][0].__setitem__("code", "one-a"), "code.duplicate"),
        (lambda d: d["enterprises"][1]["contracts"][0].__setitem__("number", "S-1"), "code.duplicate"),
        (lambda d: d["defaults"].pop("power"), "asset.no_series"),
        (lambda d: d["defaults"].pop("sessions"), "asset.no_series"),
        (lambda d: d["defaults"].__setitem__("power", "nothing"), "series.unknown"),
        (lambda d: d["prices"]["day_ahead"].__setitem__("unit", "EUR/MWh"), "unit.unknown"),
        (lambda d: d.__setitem__("replay", {"from": "2026-06-07", "to": "2026-06-09"}), "park.spans"),
        (lambda d: d.__setitem__("resolution_s", 1000), "park.resolution"),
        (lambda d: d.__setitem__("twin", {"faults": [{"kind": "offline", "on": "st-1"}]}), "fault.unknown"),
        (lambda d: d.__setitem__("twin", {"correction": {"metering_point": "elsewhere"}}), "point.unknown"),
    ],
)
def test_what_leads_nowhere_is_refused(small, change, code):
    change(small.data)
    assert code in {problem.code for problem in problems(small)}


def outer_and_inner(small: SmallPark) -> dict:
    """The first site with a transformer and a feeder behind it; the storage hangs on the feeder."""
    site = small.data["enterprises"][0]["sites"][0]
    site["feeders"] = [
        {"code": "tr-1", "import_limit_kw": 400, "export_limit_kw": 150},
        {"code": "fd-1", "import_limit_kw": 60, "export_limit_kw": 50, "parent": "tr-1"},
    ]
    site["assets"][2]["feeder"] = "fd-1"
    return site


def test_a_site_may_say_what_lies_behind_its_connection_and_what_it_is_promised(small):
    site = outer_and_inner(small)
    site |= {"export_share_ratio": 0.2, "least_call_ratio": 0.5}
    small.data["portfolio"]["split_rule"] = "floor"
    park = read_descriptor(small.write())
    read = park.sites[0]
    assert [(f.code, f.import_limit_kw, f.export_limit_kw, f.parent) for f in read.feeders] == [
        ("tr-1", 400, 150, None),
        ("fd-1", 60, 50, "tr-1"),
    ]
    assert [asset.feeder for asset in read.assets] == [None, None, "fd-1"]
    assert (read.export_share_ratio, read.least_call_ratio, park.portfolio.split_rule) == (0.2, 0.5, "floor")
    assert (park.sites[1].export_share_ratio, park.sites[1].least_call_ratio, park.sites[1].feeders) == (None, None, ())


def test_the_rules_of_splitting_are_those_of_the_portfolio():
    assert get_args(Portfolio.model_fields["split_rule"].annotation) == SPLIT_RULES


def swapped(site):
    site["feeders"].reverse()


def third_level(site):
    site["feeders"].append({"code": "fd-2", "import_limit_kw": 1, "export_limit_kw": 1, "parent": "fd-1"})


def behind_itself(site):
    site["feeders"].append({"code": "fd-2", "import_limit_kw": 1, "export_limit_kw": 1, "parent": "fd-2"})


def twice(site):
    site["feeders"].append({"code": "fd-1", "import_limit_kw": 7, "export_limit_kw": 1})


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (lambda site: site["assets"][0].__setitem__("feeder", "fd-9"), "feeder.unknown", "feeder: fd-9"),
        (lambda site: site["feeders"][1].__setitem__("parent", "tr-9"), "feeder.unknown", "parent: tr-9"),
        (swapped, "feeder.unknown", "parent: tr-1"),
        (third_level, "feeder.nesting", "parent: fd-1"),
        (behind_itself, "feeder.unknown", "parent: fd-2"),
        (twice, "feeder.duplicate", "import_limit_kw: 7"),
        (lambda site: site["feeders"][0].__setitem__("export_limit_kw", -3), "yaml.value", "export_limit_kw: -3"),
        (lambda site: site.__setitem__("export_share_ratio", 1.2), "yaml.value", "export_share_ratio: 1.2"),
        (lambda site: site.__setitem__("least_call_ratio", -0.1), "yaml.value", "least_call_ratio: -0.1"),
    ],
)
def test_feeders_and_shares_that_cannot_be_are_refused_with_their_line(small, change, code, line):
    change(outer_and_inner(small))
    (problem,) = problems(small)
    # The code of a feeder stands in the line before its limit.
    assert (problem.code, problem.line) == (code, small.line_of(line) - (code == "feeder.duplicate"))
    assert problem.path == str(small.folder / "park.yaml")


def test_an_asset_hangs_on_a_feeder_of_its_own_site(small):
    outer_and_inner(small)
    small.data["enterprises"][1]["sites"][0]["assets"][0]["feeder"] = "tr-1"
    assert [problem.code for problem in problems(small)] == ["feeder.unknown"]


def test_no_more_is_promised_than_there_is(small):
    for enterprise, ratio in zip(small.data["enterprises"], (0.7, 0.4), strict=True):
        enterprise["sites"][0]["least_call_ratio"] = ratio
    (problem,) = problems(small)
    assert (problem.code, problem.line) == ("site.least_call", small.line_of("least_call_ratio: 0.4"))
    assert "1.100" in problem.text
    small.data["enterprises"][1]["sites"][0]["least_call_ratio"] = 0.3
    assert read_descriptor(small.write()).sites[1].least_call_ratio == 0.3


def test_a_rule_of_splitting_that_nobody_knows(small):
    small.data["portfolio"]["split_rule"] = "dice"
    (problem,) = problems(small)
    assert (problem.code, problem.line) == ("yaml.value", small.line_of("split_rule: dice"))


def test_a_tariff_class_that_the_pack_does_not_have(small):
    small.data["enterprises"][0]["sites"][0]["tariff_class"] = "villa"
    findings = Findings()
    folder = small.write()
    rule_pack(folder, read_descriptor(folder), findings)
    assert [problem.code for problem in findings.problems] == ["tariff.unknown"]


def test_packs_that_extend_one_another_are_refused(small, tmp_path):
    (tmp_path / "a.yaml").write_text("code: a\nextends: b\n")
    (tmp_path / "b.yaml").write_text("code: b\nextends: a\n")
    small.data["rule_pack"] = str(tmp_path / "a.yaml")
    findings = Findings()
    folder = small.write()
    assert rule_pack(folder, read_descriptor(folder), findings) is None
    assert [problem.code for problem in findings.problems] == ["pack.circle"]

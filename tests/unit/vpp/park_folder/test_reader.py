"""park.yaml: every problem at once, each with its line; the descriptors that ship are valid."""

from pathlib import Path

import pytest

from tests.unit.vpp.park_folder.small_park import SmallPark, contract
from vpp.park_folder.problems import Findings, ParkRefused
from vpp.park_folder.reader import read_descriptor, rule_pack

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

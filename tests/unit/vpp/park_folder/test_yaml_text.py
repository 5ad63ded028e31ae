"""YAML as people write it: clock times are text, and every place knows its line."""

from vpp.park_folder.problems import Findings
from vpp.park_folder.yaml_text import read_yaml


def read(tmp_path, raw: bytes):
    findings = Findings()
    (tmp_path / "park.yaml").write_bytes(raw)
    return read_yaml(tmp_path / "park.yaml", findings), findings


def test_values_mean_what_they_look_like(tmp_path):
    text, findings = read(tmp_path, b"at: 17:00\nday: 2026-05-20\ncode: no\nyes: 010\nrate: 1e3\non: true\n")
    assert not findings.problems
    assert text.data["at"] == "17:00"  # YAML 1.1 reads 1020 here
    assert text.data["code"] == "no"
    assert text.data["day"].isoformat() == "2026-05-20"
    assert text.data["on"] is True
    assert text.data["rate"] == 1000
    assert text.data["yes"] != 8  # no octal


def test_every_place_has_a_line(tmp_path):
    text, _findings = read(tmp_path, b"a: 1\nb:\n  - c: 2\n    d: 3\n  - c: 4\n")
    assert text.line_of(("b", 1, "c")) == 5
    assert text.line_of(("b", 0, "d")) == 4
    assert text.line_of(("b", 0, "missing")) == 3  # the nearest place around it


def test_a_missing_file_a_list_and_broken_text_are_named(tmp_path):
    findings = Findings()
    assert read_yaml(tmp_path / "nowhere.yaml", findings) is None
    assert findings.problems[0].code == "file.missing"
    assert read(tmp_path, b"- 1\n")[1].problems[0].code == "yaml.no_mapping"
    broken = read(tmp_path, b"a: 1\nb: [1, 2\nc: 3\n")[1].problems[0]
    assert (broken.code, broken.line) == ("yaml.syntax", 3)


def test_a_key_given_twice_is_a_problem(tmp_path):
    problem = read(tmp_path, b"a: 1\nb: 2\na: 3\n")[1].problems[0]
    assert (problem.code, problem.line) == ("yaml.duplicate_key", 3)


def test_gbk_text_is_recognised(tmp_path):
    problem = read(tmp_path, "code: x\nname_zh: 园区\n".encode("gbk"))[1].problems[0]
    assert (problem.code, problem.line) == ("file.encoding", 2)
    assert "GBK" in problem.text

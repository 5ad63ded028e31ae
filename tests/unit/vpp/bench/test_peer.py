"""Peers run in their own interpreter: their answers are checked here, and whatever goes wrong with them is said."""

import json
import stat
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from aggregator.dispatch.domain.fleet.reference import solve_reference
from vpp.bench import peer
from vpp.bench.peer import PEERS, Answer, as_fleet, compared, cost_cny, our_answer, peer_answer, run_peers, storage_case, worst_break_kw

FLEXMEASURES = PEERS[0]
CASE = storage_case(4, two_way=True, seed=3)
WARM_UP = storage_case(2, two_way=True, seed=3)


def interpreter(folder: Path, program: str) -> str:
    """A peer's interpreter that runs `program` whatever script it is given."""
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\n" + textwrap.dedent(program))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def echoing(folder: Path, consumption: str) -> str:
    """Answers with `consumption`, an expression over the case."""
    return interpreter(
        folder,
        f"""
        import json, os, sys
        asked = json.load(sys.stdin)
        case = asked["case"]
        n, count = len(case["load_kw"]), len(case["charge_kw"])
        assert not [name for name in os.environ if name.startswith(("DJANGO", "VPP", "PYTHONPATH"))]
        assert len(asked["warm_up"]["charge_kw"]) == 2
        print("a word of the peer")
        figures = {{"wall_seconds": [3.0, 1.0, 2.0], "cpu_seconds": [6.0, 4.0, 5.0], "peak_memory_mib": 80, "version": "0", "status": "ok"}}
        print(json.dumps({{"consumption_kw": {consumption}, **figures}}), end="")
        """,
    )


@pytest.mark.parametrize("two_way", [False, True])
def test_our_answer_is_a_plan_of_the_case_near_its_optimum(two_way: bool) -> None:
    case = storage_case(12, two_way=two_way, seed=1)
    ours = our_answer(case)
    assert ours.worst_kw <= 1e-6
    best = solve_reference(as_fleet(case), deadline_s=60.0)
    assert best.certificate.cost_cny <= ours.cost_cny + 1e-6
    assert ours.cost_cny <= best.certificate.cost_cny * 1.01
    assert cost_cny(case, -best.moves.store_kw) == pytest.approx(best.certificate.cost_cny)  # one formula for all
    assert worst_break_kw(case, -best.moves.store_kw) <= 1e-5


def test_one_way_batteries_never_discharge_and_have_to_be_fuller() -> None:
    case = storage_case(12, two_way=False, seed=1)
    assert not any(case.discharge_kw)
    assert all(end > start for end, start in zip(case.end_kwh, case.initial_kwh, strict=True))


@pytest.mark.parametrize(
    ("column", "where", "kw"),
    [("charge_kw", 0, 1.0), ("discharge_kw", 0, -1.0), ("max_kwh", slice(0, 40), 0.5), ("min_kwh", slice(0, 40), -0.5)],
)
def test_every_limit_that_an_answer_breaks_is_seen(column: str, where: int | slice, kw: float) -> None:
    powers = np.zeros((CASE.assets, len(CASE.load_kw)))
    powers[0, where] = kw * 1.01 * (CASE.charge_kw if kw > 0 else CASE.discharge_kw)[0]
    assert worst_break_kw(CASE, powers) > 0.1, column


def test_an_answer_that_leaves_batteries_too_empty_or_the_connection_too_full_is_seen() -> None:
    idle = np.zeros((CASE.assets, len(CASE.load_kw)))
    one_way = storage_case(4, two_way=False, seed=3)
    assert worst_break_kw(one_way, idle) > 1.0
    assert worst_break_kw(CASE, idle) <= 0.0
    full = idle.copy()
    full[:, 50] = CASE.charge_kw
    net = max(CASE.load_kw[50] + sum(CASE.charge_kw) - CASE.import_limit_kw, 0.0)
    assert worst_break_kw(CASE, full) >= net


def test_a_peer_is_asked_in_its_own_environment_and_its_medians_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = peer_answer(FLEXMEASURES, echoing(tmp_path, "[[0.0] * n] * count"), CASE, WARM_UP, repeats=3)
    assert isinstance(found, Answer), found
    assert (found.cpu_seconds, found.wall_seconds, found.worst_kw) == (5.0, 2.0, 0.0)
    assert found.cost_cny == pytest.approx(cost_cny(CASE, np.zeros((4, 96))))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit('no module named flexmeasures')", "no module named flexmeasures"),
        ("print('{}')", "failed"),
        ("pass", "no output"),
    ],
)
def test_a_peer_that_fails_says_why(tmp_path: Path, program: str, said: str) -> None:
    found = peer_answer(FLEXMEASURES, interpreter(tmp_path, program), CASE, WARM_UP, repeats=1)
    assert isinstance(found, str)
    assert said in found


def test_a_peer_that_is_not_there_hangs_or_answers_something_else_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be run" in str(peer_answer(FLEXMEASURES, "/nowhere/python", CASE, WARM_UP, repeats=1))
    short = peer_answer(FLEXMEASURES, echoing(tmp_path, "[[0.0] * n]"), CASE, WARM_UP, repeats=1)
    assert "instead of a course" in str(short)
    monkeypatch.setattr(peer, "TIMEOUT_S", 0.5)
    hanging = interpreter(tmp_path, "import time; time.sleep(30)")
    assert "no answer within" in str(peer_answer(FLEXMEASURES, hanging, CASE, WARM_UP, repeats=1))


def test_a_broken_limit_makes_no_faster_answer() -> None:
    ours = Answer(100.0, 0.1, 0.1, 0.0, "")
    row = compared("two_way", 4, "them", ours, Answer(99.9, 2.0, 3.0, 0.0, ""))
    assert row["cpu_ratio"] == pytest.approx(20.0)
    assert row["cost_above_ratio"] == pytest.approx(0.1 / 99.9)
    assert compared("two_way", 4, "them", ours, Answer(90.0, 2.0, 3.0, 5.0, ""))["cpu_ratio"] is None
    assert compared("two_way", 4, "them", Answer(90.0, 0.1, 0.1, 5.0, ""), Answer(99.0, 2.0, 3.0, 0.0, ""))["cpu_ratio"] is None


def test_who_is_not_installed_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in PEERS:
        monkeypatch.delenv(one.variable, raising=False)
    figures = run_peers(seed=1, sizes={"one_way": (4,)}, progress=Progress(disable=True))
    assert set(figures) == {"peer_flexmeasures", "peer_emhass"}
    assert all("not installed" in text and "pip install" in text for text in figures.values())


def test_who_is_installed_gets_a_row_for_every_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLEXMEASURES.variable, echoing(tmp_path, "[[0.0] * n] * count"))
    monkeypatch.delenv(PEERS[1].variable, raising=False)
    figures = run_peers(seed=1, sizes={"one_way": (), "two_way": (4, 6)}, progress=Progress(disable=True))
    assert [(row["case"], row["assets"], row["peer"]) for row in figures["peers"]] == [
        ("two_way", 4, "flexmeasures"),
        ("two_way", 6, "flexmeasures"),
    ]
    assert figures["flexmeasures_two_way_4_cpu_ratio"] > 1
    assert "pip install" in figures["peer_emhass"]
    json.dumps(figures)


def test_every_goal_has_a_case() -> None:
    asked = {f"flexmeasures_{way}_{assets}" for way, counts in peer.SIZES["all"].items() for assets in counts}
    assert {name.removesuffix("_cpu_ratio").removesuffix("_cost_above_ratio") for name in peer.GOALS} == asked

"""`bench accuracy` prints each figure with its own goal."""

from pathlib import Path

import pytest
from rich.progress import Progress

from vpp.bench.accuracy import command
from vpp.bench.accuracy.figures import Figure


def test_a_row_says_whether_its_goal_is_met() -> None:
    figures = [
        Figure("pv", "a", "skill", 0.3, "", 0.2),
        Figure("pv", "a", "error", 12.0, "%", 10.8, at_least=False),
        Figure("pv", "a", "skill", None, "", 0.2, note="file absent"),
        Figure("pv", "a", "error", float("nan"), "%"),
    ]
    found = command.rows(figures)
    assert [row["met"] for row in found] == ["yes", "NO", "", ""]
    assert [row["goal"] for row in found] == [">= 0.2", "<= 10.8", ">= 0.2", ""]
    assert found[3]["value"] is None


@pytest.mark.parametrize("task", ["pv", "wind"])
def test_without_files_nothing_is_measured_and_nothing_fails(task: str, tmp_path: Path) -> None:
    with Progress(disable=True) as progress:
        found = command.run(options={"data_root": tmp_path, "task": [task]}, progress=progress)
    assert found["not_measured"] == found["figures"] > 0
    assert {row["note"] for row in found[task]} == {"file absent"}

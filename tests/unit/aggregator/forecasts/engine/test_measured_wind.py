"""Wind on three Dutch substations: doubtful labels, so no more than better than the simplest references."""

from pathlib import Path

import pytest
from rich.progress import Progress

from vpp.bench.accuracy.wind import measure

pytestmark = pytest.mark.data


def test_substations(data_root: Path) -> None:
    with Progress(disable=True) as progress:
        figures = {(figure.task, figure.series, figure.name): figure.value for figure in measure(data_root, progress)}
    series = "3 sites mean"
    assert figures["wind day-ahead", series, "skill against climatology"] > 0.30
    assert figures["wind 4 h", series, "skill against persistence"] > 0.18
    assert 75 < figures["wind day-ahead", series, "P10-P90 coverage"] < 85

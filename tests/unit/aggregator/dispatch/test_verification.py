"""Telemetry decides; what it cannot show is unverified."""

import numpy as np
import pytest

from aggregator.dispatch.domain.verification import judge, mean_kw, tolerance_kw


@pytest.mark.parametrize(
    ("kind", "value", "measured", "outcome"),
    [
        ("injection_kw", 100.0, 96.0, "followed"),
        ("injection_kw", 100.0, 94.0, "contradicted"),
        ("injection_kw", 100.0, 106.0, "contradicted"),  # both sides
        ("injection_kw", -50.0, 0.0, "contradicted"),
        ("import_limit_kw", 80.0, -60.0, "followed"),  # consuming less is no fault
        ("import_limit_kw", 80.0, -84.0, "followed"),
        ("import_limit_kw", 80.0, -86.0, "contradicted"),
        ("export_limit_kw", 40.0, 10.0, "followed"),
        ("export_limit_kw", 40.0, 46.0, "contradicted"),
        ("injection_kw", 100.0, None, "unverified"),
        ("injection_kw", 0.0, float("nan"), "unverified"),
    ],
)
def test_outcome(kind: str, value: float, measured: float | None, outcome: str) -> None:
    assert judge(kind=kind, value_kw=value, measured_kw=measured, rated_kw=100.0).outcome == outcome


def test_small_assets_have_a_kilowatt_of_tolerance() -> None:
    assert tolerance_kw(5.0) == 1.0
    assert tolerance_kw(1000.0) == 50.0


def test_missing_samples_are_left_out_never_zero() -> None:
    assert mean_kw(np.array([10.0, np.nan, 20.0])) == 15.0
    assert mean_kw(np.array([np.nan])) is None

"""What looks wrong in a series: missing, frozen, spiking. A mark is a remark; the value stays."""

import numpy as np

GOOD, MISSING, FLATLINE, SPIKE, OUT_OF_RANGE = 0, 1, 2, 3, 4
FLAT_HOURS = 4.0
FLAT_SAMPLES = 8
SPIKE_RATIO = 0.5
CALM_RATIO = 0.1


def _runs(flags: np.ndarray) -> list[slice]:
    """Maximal runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [slice(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def find_gaps(values: np.ndarray) -> list[slice]:
    """Runs of missing (NaN) values, in order."""
    return _runs(np.isnan(values))


def quality_marks(values: np.ndarray, *, resolution_s: int, rated_kw: float, known: np.ndarray | None = None) -> np.ndarray:
    """One mark per value [uint8], shape of `values` (n,); NaN is MISSING.

    FLATLINE: the very same non-zero value for FLAT_HOURS (and FLAT_SAMPLES values) or longer: a measured
    power flickers, a frozen meter does not. SPIKE: one value away from both its neighbours by more than
    half of the rating while those agree. `known` marks of single points (OUT_OF_RANGE) go first.
    """
    marks = np.zeros(len(values), dtype=np.uint8) if known is None else known.astype(np.uint8)
    blank = marks == GOOD
    with np.errstate(invalid="ignore"):
        same = np.append(False, (np.diff(values) == 0) & (values[1:] != 0))
        for run in _runs(same):
            length = run.stop - run.start + 1
            if length >= FLAT_SAMPLES and length * resolution_s >= FLAT_HOURS * 3600:
                inside = np.zeros(len(values), dtype=bool)
                inside[run.start - 1 : run.stop] = True
                marks[inside & blank] = FLATLINE
        if len(values) >= 3:
            left, here, right = values[:-2], values[1:-1], values[2:]
            lonely = (here - left) * (here - right) > 0
            far = np.minimum(np.abs(here - left), np.abs(here - right)) > SPIKE_RATIO * rated_kw
            calm = np.abs(left - right) < CALM_RATIO * rated_kw
            marks[1:-1][lonely & far & calm & blank[1:-1]] = SPIKE
    marks[np.isnan(values)] = MISSING
    return marks

"""What is left of a stay, or of a need, of which some has passed.

x is taken as log-logistic on either side of its median, through P10 and P90 (the usual form for durations: Bennett, J. R. Stat. Soc.
C 32, 1983); then the quantiles of x given x > passed are a line of algebra.
"""

import numpy as np

from aggregator.forecasts.domain.engine.calibration import LEVELS

OUTER = float(np.log(LEVELS[-1] / (1 - LEVELS[-1])))  # P90 of the logistic distribution
NARROWEST_LOG = 1e-3  # least distance of a band from the median


def given_passed(bands: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """(3, C) P10, P50, P90 of x given x > passed.

    Parameters
    ----------
    bands
        (3, C) P10, P50, P90 at the start, > 0 and rising.
    passed
        (C,) how much has passed, same unit; 0 gives `bands` again.
    """
    log = np.log(bands)
    below = np.maximum(log[1] - log[0], NARROWEST_LOG) / OUTER
    above = np.maximum(log[2] - log[1], NARROWEST_LOG) / OUTER
    so_far = np.log(np.maximum(passed, 1e-12)) - log[1]
    beyond = np.logaddexp(0.0, so_far / np.where(so_far < 0, below, above))  # -log P(x > passed)
    log_left = np.log(1 - LEVELS)[:, None] - beyond  # of P(x > the quantile)
    z = np.log(-np.expm1(log_left)) - log_left
    return np.maximum(np.exp(log[1] + z * np.where(z < 0, below, above)), passed)

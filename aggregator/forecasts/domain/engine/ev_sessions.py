"""How long a car that just came will stay and how much it needs: quantile regressions of a class (statsmodels).

log(stay) and log(need) on what is known at plug-in (ev_users).
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.regression.quantile_regression import QuantReg
from statsmodels.tools.sm_exceptions import ConvergenceWarning, IterationLimitWarning

from aggregator.forecasts.domain.engine.calibration import LEVELS, NARROWEST, WIDEST
from aggregator.forecasts.domain.engine.ev_users import Past, design

QUANTITIES = {"stay_hours": 1 / 60, "need_kwh": 0.05}  # and the least of each that is told apart
WINDOW_HOURS, MOST_SESSIONS = 180 * 24.0, 6000  # that a fit looks at, newest first
LEAST_SESSIONS = 100
LEAST_OF_SITE = 50  # sessions before its own width counts
ITERATIONS, TOLERANCE = 500, 1e-4  # of a coefficient of a log


@dataclass(frozen=True)
class SessionModel:
    """Of one quantity: coef (3, p); width {site: (below, above)} relative to the class's."""

    quantity: str
    coef: np.ndarray
    width: dict[int, np.ndarray]

    def at_plug_in(self, arrivals: pd.DataFrame, past: pd.DataFrame, *, off: np.ndarray) -> np.ndarray:
        """(3, A) P10, P50, P90 [h or kWh] of sessions (columns of ev_users), from those of `past` that had ended."""
        x = design(arrivals, past_of(past, self.quantity), off=off)
        low, middle, high = np.sort(self.coef @ x.T, axis=0)
        width = np.array([self.width.get(site, np.ones(2)) for site in arrivals["site"]]).reshape(-1, 2)
        return np.exp(np.stack([middle - width[:, 0] * (middle - low), middle, middle + width[:, 1] * (high - middle)]))


def past_of(sessions: pd.DataFrame, quantity: str) -> Past:
    return Past(sessions, np.log(np.maximum(sessions[quantity].to_numpy(float), QUANTITIES[quantity])))


def fitted(sessions: pd.DataFrame, quantity: str, *, now: float, off: np.ndarray) -> SessionModel | None:
    """From sessions that had ended at `now` [h]; None where they are too few. off (C,): came on a day that is not worked."""
    ended = (sessions["departs_at"] <= now).to_numpy()
    past = past_of(sessions[ended], quantity)
    arrived = past.sessions["arrives_at"].to_numpy()
    rows = np.flatnonzero(arrived > now - WINDOW_HOURS)
    rows = rows[np.argsort(arrived[rows], kind="stable")][-MOST_SESSIONS:]
    if len(rows) < LEAST_SESSIONS:
        return None
    x, y = design(past.sessions.iloc[rows], past, off=off[ended][rows]), past.value[rows]
    coef = _coefficients(y, x)
    return SessionModel(quantity, coef, _widths(y, np.sort(coef @ x.T, axis=0), past.sessions["site"].to_numpy()[rows]))


def _coefficients(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(3, p). Where the iteration cycles between neighbouring solutions, either of them will do."""
    model = QuantReg(y, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", IterationLimitWarning)
        return np.stack([model.fit(q=level, max_iter=ITERATIONS, p_tol=TOLERANCE).params for level in LEVELS])


def _widths(y: np.ndarray, bands: np.ndarray, site: np.ndarray) -> dict[int, np.ndarray]:
    """So that a tenth of the sessions of each site lies beyond either band (conformal)."""
    low, middle, high = bands
    below = (middle - y) / np.maximum(middle - low, 1e-6)
    above = (y - middle) / np.maximum(high - middle, 1e-6)
    out = {}
    for one in np.unique(site):
        here = site == one
        if here.sum() >= LEAST_OF_SITE:
            reach = np.array([np.quantile(part[here], LEVELS[-1]) for part in (below, above)])
            out[int(one)] = np.clip(reach, NARROWEST, WIDEST)
    return out

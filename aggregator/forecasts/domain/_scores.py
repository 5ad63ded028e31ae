"""How a forecast did, once the day is known."""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain._types import Quantiles

LEAST_PERIODS = 4
LEAST_SHARE = 0.8  # of the members' squared band widths must be known in a period for it to count


@dataclass(frozen=True)
class Score:
    """nMAE against capacity (loads: mean load), the same for persistence, and P10-P90 coverage; None + reason.

    n_values: how many values stand behind the nMAE.
    """

    nmae_ratio: float | None
    nmae_persistence_ratio: float | None
    coverage_p10_p90_ratio: float | None
    reason: str = ""
    n_values: int = 0


def score(*, forecasts: list[Quantiles], actual_kw: np.ndarray, reference_kw: np.ndarray) -> Score:
    """Score several assets as one kind. actual_kw (N, n) injection, NaN = not known or not ours to score.

    reference_kw (N,): capacity, NaN = the mean of |actual|. Forecast and persistence are scored on the same
    periods: those where both and the actual are known. Coverage leaves out periods whose band has no width
    (night, outage): they hold whatever the method.
    """
    if not forecasts:
        return Score(None, None, None, "no_assets")
    mean, p10, p90, naive = (np.stack([getattr(q, name) for q in forecasts]) for name in ("mean", "p10", "p90", "persistence"))
    known = np.isfinite(actual_kw)
    if not known.any():
        return Score(None, None, None, "no_actual")
    ours = known & np.isfinite(mean)
    if ours.sum() < LEAST_PERIODS:
        return Score(None, None, None, "no_forecast")
    reference = np.where(np.isfinite(reference_kw), reference_kw, _mean_size(actual_kw))
    both = ours & np.isfinite(naive)
    compared = both if both.sum() >= LEAST_PERIODS else ours
    nmae = _nmae(mean, actual_kw, reference, compared)
    nmae_naive = _nmae(naive, actual_kw, reference, compared) if compared is both else None
    if nmae is None:
        return Score(None, None, None, "reference_is_zero")
    counted, slack = banded(p10=p10, p90=p90, actual_kw=actual_kw, reference_kw=reference)
    coverage = None
    if counted.sum() >= LEAST_PERIODS:
        coverage = float(((actual_kw >= p10 - slack) & (actual_kw <= p90 + slack))[counted].mean())
    reason = "" if nmae_naive is not None else "no_persistence"
    return Score(nmae, nmae_naive, coverage, reason or ("" if coverage is not None else "no_band"), int(compared.sum()))


def banded(*, p10: np.ndarray, p90: np.ndarray, actual_kw: np.ndarray, reference_kw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which values (N, n) judge a band: known, and the band has a width; and the slack (N, 1) for arrays stored as float32."""
    width = p90 - p10 > 1e-6 * np.maximum(reference_kw[:, None], 1e-9)
    return np.isfinite(actual_kw) & width, 1e-6 * reference_kw[:, None]


def score_portfolio(*, whole: Quantiles, members: list[Quantiles], actual_kw: np.ndarray, reference_kw: np.ndarray) -> Score:
    """Score the portfolio's forecast, of what happens without us, on the members that were left to themselves.

    members: those in the sum, without storage (it follows our schedule). actual_kw (N, n), NaN = not measured or
    moved by us: what such a member would have done is not known, and "measured minus ordered" would only give back
    the forecast that the order was made of. The errors of the others, added, stand for all by their variance, as in
    the portfolio's own bands; a period counts where they hold LEAST_SHARE of it. Elsewhere nothing is claimed.
    """
    if not members or not np.isfinite(whole.mean).any():
        return Score(None, None, None, "no_forecast")
    known = np.isfinite(actual_kw)
    if not known.any():
        return Score(None, None, None, "no_actual")
    as_if, actual = as_if_alone(whole=whole, members=members, actual_kw=actual_kw)
    if np.isfinite(actual).sum() < LEAST_PERIODS:
        return Score(None, None, None, "members_moved")
    reference = float(np.where(np.isfinite(reference_kw), reference_kw, _mean_size(actual_kw)).sum())
    return score(forecasts=[as_if], actual_kw=actual[None, :], reference_kw=np.array([reference]))


def as_if_alone(*, whole: Quantiles, members: list[Quantiles], actual_kw: np.ndarray) -> tuple[Quantiles, np.ndarray]:
    """The portfolio's forecast, and what it would have injected (n,) had all been left alone; NaN where too few were.

    Arguments as in `score_portfolio`. Persistence is that of the members that stand for all.
    """
    known = np.isfinite(actual_kw)
    mean, p10, p90, naive = (np.stack([getattr(q, name) for q in members]) for name in ("mean", "p10", "p90", "persistence"))
    weight = (p90 - p10) ** 2
    total = weight.sum(axis=0)
    # Where no band has a width (night, calm) there is no variance to stand for: all must be known.
    share = np.where(total > 0, (weight * known).sum(axis=0) / np.where(total > 0, total, 1.0), known.all(axis=0))
    grown = np.where(share >= LEAST_SHARE, 1 / np.sqrt(np.maximum(share, LEAST_SHARE)), np.nan)
    off, off_naive = (np.where(known, actual_kw - said, 0.0).sum(axis=0) * grown for said in (mean, naive))
    return Quantiles(whole.mean, whole.p10, whole.p50, whole.p90, whole.mean + off - off_naive), whole.mean + off


def _mean_size(actual_kw: np.ndarray) -> np.ndarray:
    known = np.isfinite(actual_kw)
    return np.where(known, np.abs(actual_kw), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def _nmae(forecast: np.ndarray, actual: np.ndarray, reference: np.ndarray, where: np.ndarray) -> float | None:
    size = np.where(where, reference[:, None], 0.0).sum()
    if size <= 0:
        return None
    return float(np.abs(forecast - actual)[where].sum() / size)

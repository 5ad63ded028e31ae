"""Scenarios of generation and load around the forecast: days as they were, or the forecast's own quantiles.

Joint days (Schaake shuffle, Clark et al. 2004, J. Hydrometeorol. 5(1)): what a past day did, compared with the other days at
the same clock time, says where in the forecast's quantiles the scenario lies. So every scenario keeps the day's course over
time, the join of generation and load, and, where the prices are those of the same day, the join with the prices.
All generation moves together, and so does all load: never one asset apart from the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np

JOINT_DAYS, CROSSED_DAYS, QUANTILE_PATHS = "joint_days", "crossed_days", "quantile_paths"
KINDS = (JOINT_DAYS, CROSSED_DAYS, QUANTILE_PATHS)
PATHS = ("p10", "mean", "p90")
LEAST_DAYS = 5  # fewer days tell no ranks
KNOWN_SHARE = 0.9  # of a day's periods has to be known
Z90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True)
class Spread:
    """Quantiles of an injection [kW], each (n_periods,): of all generation, all load, or the whole portfolio."""

    mean_kw: np.ndarray
    p10_kw: np.ndarray
    p50_kw: np.ndarray
    p90_kw: np.ndarray


@dataclass(frozen=True)
class Observed:
    """What generation and load injected on one past day against other days, (n_periods,) each [kW], NaN = not known."""

    generation_kw: np.ndarray
    load_kw: np.ndarray


@dataclass(frozen=True)
class Availability:
    """Changes against the forecast's mean (n_scenarios, n_periods) [kW injection]; `price_days` (n_scenarios,) the prices' row,
    `labels` which day's course or which quantile. The changes of joint and crossed days add up to zero in every period."""

    kind: str
    labels: tuple[str, ...]
    price_days: tuple[int, ...]
    generation_kw: np.ndarray
    load_kw: np.ndarray


def availability_scenarios(
    *,
    days: Sequence[date],
    observed: Mapping[date, Observed],
    generation: Spread,
    load: Spread,
    portfolio: Spread,
    generation_most_kw: float = np.inf,
) -> Availability:
    """One scenario for each of `days` where past days are known, else each path of the quantiles with the nearest of them.

    joint_days: every day with its own course. crossed_days: days without one take those of the known days in turn.
    quantile_paths: P10, mean and P90 of the portfolio, each from the first period to the last, split over generation and load
    by their spreads, with the nearest third of the days: each of these makes three scenarios.

    The widths of the members' quantiles add up as if all were wrong at once; the day's scenarios are narrowed to the portfolio's
    own P10 to P90, never widened. Generation stays between nothing and `generation_most_kw`, consumption above nothing.
    """
    known = [day for day in days if day in observed and _complete(observed[day])]
    if len(known) < LEAST_DAYS:
        return _paths(-(-len(days) // len(PATHS)), generation, load, portfolio)
    sun = _course([observed[day].generation_kw for day in known], generation)
    use = _course([observed[day].load_kw for day in known], load)
    narrow = _narrowing(sun + use, portfolio)
    others = iter(range(len(days)))
    rows = [known.index(day) if day in known else next(others) % len(known) for day in days]
    sun, use = narrow * sun[rows], narrow * use[rows]
    return Availability(
        kind=JOINT_DAYS if len(known) == len(days) else CROSSED_DAYS,
        labels=tuple(known[row].isoformat() for row in rows),
        price_days=tuple(range(len(days))),
        generation_kw=_around(generation.mean_kw, sun, generation_most_kw) - generation.mean_kw,
        load_kw=-_around(-load.mean_kw, -use, np.inf) - load.mean_kw,
    )


def _around(mean_kw: np.ndarray, change_kw: np.ndarray, most_kw: float) -> np.ndarray:
    """(S, n) activity [kW, >= 0] with these changes, whose mean over the scenarios is `mean_kw`: what a limit cuts off on one
    side is taken from the other in proportion."""
    mean_kw = np.clip(mean_kw, 0.0, most_kw)
    level = np.clip(mean_kw + change_kw - change_kw.mean(axis=0), 0.0, most_kw)
    over = level.mean(axis=0)
    down = np.divide(mean_kw, over, out=np.ones_like(over), where=over > mean_kw)
    room, wanted = most_kw - over, mean_kw - over
    up = np.divide(wanted, room, out=np.zeros_like(over), where=(wanted > 0) & np.isfinite(room) & (room > 0))
    lifted = level if np.isinf(most_kw) else level + up * (most_kw - level)
    return np.where(over > mean_kw, level * down, lifted)


def _complete(day: Observed) -> bool:
    return bool(min(np.isfinite(day.generation_kw).mean(), np.isfinite(day.load_kw).mean()) >= KNOWN_SHARE)


def _course(days: Sequence[np.ndarray], spread: Spread) -> np.ndarray:
    """(n_days, n) distance from the median [kW] at each day's rank; a period that a day does not know lies at the median."""
    score = normal_scores(np.array(days))
    above, below = (spread.p90_kw - spread.p50_kw) / Z90, (spread.p50_kw - spread.p10_kw) / Z90
    return np.where(score > 0, above, below) * score


def normal_scores(values: np.ndarray) -> np.ndarray:
    """(n_days, n) standard normal quantile of each value's rank in its column; equal ones share theirs, NaN counts as the median."""
    known = np.isfinite(values)
    filled = np.where(known, values, np.inf)
    less = (filled[None, :, :] < filled[:, None, :]).sum(axis=1)
    equal = ((filled[None, :, :] == filled[:, None, :]) & known[None, :, :]).sum(axis=1)
    share = (less + equal / 2) / np.maximum(known.sum(axis=0), 1)
    table = np.vectorize(NormalDist().inv_cdf)
    return np.where(known, table(np.clip(np.where(known, share, 0.5), 1e-3, 1 - 1e-3)), 0.0)


def _narrowing(total_kw: np.ndarray, portfolio: Spread) -> float:
    """How much of the summed widths the portfolio's own quantiles leave over the day, at most all."""
    own = float(((portfolio.p90_kw - portfolio.p10_kw) / (2 * Z90)).sum())
    summed = float(total_kw.std(axis=0).sum())
    return min(1.0, own / summed) if summed > 0 else 1.0


def _paths(n_days: int, generation: Spread, load: Spread, portfolio: Spread) -> Availability:
    """P10, mean and P90 with equal weights have about the variance of what they stand for."""
    width = [np.maximum(spread.p90_kw - spread.p10_kw, 0.0) for spread in (generation, load)]
    whole = width[0] + width[1]
    share = np.divide(width[0], whole, out=np.zeros_like(whole), where=whole > 0)
    path = {"p10": portfolio.p10_kw - portfolio.mean_kw, "mean": np.zeros_like(whole), "p90": portfolio.p90_kw - portfolio.mean_kw}
    changes = np.array([path[label] for _ in range(n_days) for label in PATHS])
    return Availability(
        kind=QUANTILE_PATHS,
        labels=PATHS * n_days,
        price_days=tuple(day for day in range(n_days) for _ in PATHS),
        generation_kw=changes * share,
        load_kw=changes * (1 - share),
    )

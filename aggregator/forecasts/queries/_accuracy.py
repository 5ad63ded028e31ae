"""How stored forecasts did: calibration of the quantiles, error by how far ahead, and single assets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets.queries import Member
from aggregator.forecasts.domain import FOLLOWS_SCHEDULE, Calibration, Score, calibration, score
from aggregator.forecasts.models import ForecastRun
from aggregator.forecasts.queries._judged import Judged, judged
from aggregator.forecasts.queries._runs import DAY_AHEAD, day_ahead_runs, runs_since
from aggregator.forecasts.queries._scores import ScoreFacts, scores_of

SCORED_RUNS = 30
LEAD_DAYS = 7
LEAD_RUNS = 200
# Name, and up to how long before a period's start [h] a re-issue counts here.
LEADS = (("quarter", 0.25), ("hour", 1.0), ("four_hours", 4.0), ("later", np.inf))
DAY_AHEAD_LEAD = "day_ahead"


@dataclass(frozen=True)
class ScoredRun:
    issued_at: datetime
    starts_at: datetime
    scores: dict[str, ScoreFacts]


@dataclass(frozen=True)
class Reliability:
    """Per kind; `n_runs` runs, `n_assets` of `of_assets` were read."""

    kinds: dict[str, Calibration]
    n_runs: int
    n_assets: int
    of_assets: int


@dataclass(frozen=True)
class LeadErrors:
    """Per kind and lead; only what has a figure. `n_runs` runs, `n_assets` of `of_assets` were read."""

    kinds: dict[str, dict[str, Score]]
    n_runs: int
    n_assets: int
    of_assets: int


def scored_runs(*, portfolio_id: int, known_at: datetime, most: int = SCORED_RUNS) -> list[ScoredRun]:
    """The newest day-ahead runs that were scored, the oldest first."""
    rows = ForecastRun.objects.filter(portfolio_id=portfolio_id, available_at__lte=known_at, scores__isnull=False).distinct()
    newest = [row for row in rows.order_by("-starts_at", "-issued_at")[: 2 * most] if row.starts_at - row.issued_at >= DAY_AHEAD][:most]
    found = scores_of(run_ids=[row.pk for row in newest])
    return [ScoredRun(row.issued_at, row.starts_at, found[row.pk]) for row in reversed(newest)]


def reliability(*, portfolio_id: int, known_at: datetime, most: int = SCORED_RUNS) -> Reliability | None:
    """Of the newest `most` day-ahead runs, how many measured values lie below P10, P50 and P90; by the rules of a score."""
    runs = day_ahead_runs(portfolio_id=portfolio_id, known_at=known_at, most=most)
    found = judged(runs=runs, known_at=known_at) if runs else None
    if found is None:
        return None
    kinds = {
        kind: calibration(
            forecasts=[found.forecasts[k] for k in rows], actual_kw=found.actual_kw[rows], reference_kw=found.reference_kw[rows]
        )
        for kind, rows in _by_kind(found.members).items()
    }
    return Reliability(kinds, len(runs), len(found.members), found.of_assets)


def lead_errors(*, portfolio_id: int, known_at: datetime, days: int = LEAD_DAYS) -> LeadErrors | None:
    """Errors of all runs of the last days, re-issues too, by how long before a period's start they were issued."""
    runs = runs_since(portfolio_id=portfolio_id, since=_since(portfolio_id, known_at, days), known_at=known_at, most=LEAD_RUNS)
    found = judged(runs=runs, known_at=known_at) if runs else None
    if found is None:
        return None
    kinds: dict[str, dict[str, Score]] = {}
    for kind, rows in _by_kind(found.members).items():
        for lead, columns in _leads(found).items():
            one = score(
                forecasts=[found.forecasts[k] for k in rows],
                actual_kw=np.where(columns, found.actual_kw[rows], np.nan),
                reference_kw=found.reference_kw[rows],
            )
            if one.nmae_ratio is not None:
                kinds.setdefault(kind, {})[lead] = one
    return LeadErrors(kinds, len(runs), len(found.members), found.of_assets)


def asset_scores(*, portfolio_id: int, asset_ids: Collection[int], known_at: datetime, most: int = SCORED_RUNS) -> dict[int, Score]:
    """Each of these assets over the newest `most` day-ahead runs; those that follow our schedule are not scored."""
    runs = day_ahead_runs(portfolio_id=portfolio_id, known_at=known_at, most=most)
    found = judged(runs=runs, known_at=known_at, asset_ids=asset_ids) if runs else None
    if found is None:
        return {}
    return {
        member.asset_id: Score(None, None, None, "follows_schedule")
        if member.kind in FOLLOWS_SCHEDULE
        else score(forecasts=[found.forecasts[k]], actual_kw=found.actual_kw[[k]], reference_kw=found.reference_kw[[k]])
        for k, member in enumerate(found.members)
    }


def _since(portfolio_id: int, known_at: datetime, days: int) -> datetime:
    """Days are counted back from the newest run: a park that stands still keeps its figures."""
    newest = ForecastRun.objects.filter(portfolio_id=portfolio_id, available_at__lte=known_at).order_by("-starts_at").first()
    return (known_at if newest is None else min(known_at, newest.starts_at)) - timedelta(days=days)


def _by_kind(members: list[Member]) -> dict[str, list[int]]:
    """Rows of every kind that is scored."""
    found: dict[str, list[int]] = {}
    for k, member in enumerate(members):
        if member.kind not in FOLLOWS_SCHEDULE:
            found.setdefault(member.kind, []).append(k)
    return found


def _leads(found: Judged) -> dict[str, np.ndarray]:
    """Lead -> which columns belong to it."""
    out, before = {}, -np.inf
    for lead, hours in LEADS:
        out[lead] = ~found.day_ahead & (found.lead_hours > before) & (found.lead_hours <= hours)
        before = hours
    return {**out, DAY_AHEAD_LEAD: found.day_ahead}

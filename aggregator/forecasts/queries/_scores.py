"""Scores that were stored when a day was over."""

from collections.abc import Collection
from dataclasses import dataclass

from aggregator.forecasts.models import ForecastScore


@dataclass(frozen=True)
class ScoreFacts:
    """None = could not be computed; `reason` says why."""

    kind: str
    nmae_ratio: float | None
    nmae_persistence_ratio: float | None
    coverage_p10_p90_ratio: float | None
    reason: str


def scores(*, run_id: int) -> dict[str, ScoreFacts]:
    """Per asset kind, and "portfolio"; empty before the run was scored."""
    return scores_of(run_ids=[run_id]).get(run_id, {})


def scores_of(*, run_ids: Collection[int]) -> dict[int, dict[str, ScoreFacts]]:
    """run id -> kind -> score; a run that was not scored is absent."""
    found: dict[int, dict[str, ScoreFacts]] = {}
    for row in ForecastScore.objects.filter(run_id__in=run_ids).order_by("run_id", "kind"):
        score = ScoreFacts(row.kind, row.nmae_ratio, row.nmae_persistence_ratio, row.coverage_p10_p90_ratio, row.reason)
        found.setdefault(row.run_id, {})[row.kind] = score
    return found

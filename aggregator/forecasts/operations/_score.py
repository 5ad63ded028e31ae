from datetime import datetime

import numpy as np
from django.db import transaction

from aggregator.assets.queries import assets_by_id
from aggregator.forecasts.domain import FOLLOWS_SCHEDULE, Score, score, score_portfolio
from aggregator.forecasts.models import ForecastRun, ForecastScore
from aggregator.forecasts.queries import ScoreFacts, capacities_kw, grid_of, left_alone, quantiles, scores
from aggregator.kernel.errors import NotFound

PORTFOLIO = "portfolio"


def score_run(*, run_id: int, known_at: datetime) -> dict[str, ScoreFacts]:
    """Score a run per asset kind and as "portfolio" with the telemetry known at `known_at`; again = again.

    Periods in which somebody intervened are left out. Storage and two-way chargers follow our own schedule and are not
    scored; the portfolio is the sum of the other kinds (see domain.score_portfolio). Raises NotFound.
    """
    run = ForecastRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound(what="forecast run")
    grid = grid_of(run)
    found = quantiles(run_id=run_id)
    forecast = {asset_id: q for asset_id, q in found.items() if asset_id is not None}
    members = sorted(assets_by_id(asset_ids=list(forecast)).values(), key=lambda member: (member.kind, member.code, member.asset_id))
    ids = [member.asset_id for member in members]
    actual = left_alone(asset_ids=ids, grid=grid, known_at=known_at)
    reference = capacities_kw(members)
    kinds = np.array([member.kind for member in members])
    result: dict[str, Score] = {}
    for kind in sorted(set(kinds)):
        if kind in FOLLOWS_SCHEDULE:
            result[kind] = Score(None, None, None, "follows_schedule")
            continue
        rows = np.flatnonzero(kinds == kind)
        result[kind] = score(forecasts=[forecast[ids[k]] for k in rows], actual_kw=actual[rows], reference_kw=reference[rows])
    summed = [k for k, asset_id in enumerate(ids) if kinds[k] not in FOLLOWS_SCHEDULE and forecast[asset_id].quality != "missing"]
    result[PORTFOLIO] = score_portfolio(
        whole=found[None], members=[forecast[ids[k]] for k in summed], actual_kw=actual[summed], reference_kw=reference[summed]
    )
    with transaction.atomic():
        for kind, value in result.items():
            ForecastScore.objects.update_or_create(
                run=run,
                kind=kind,
                defaults={
                    "nmae_ratio": value.nmae_ratio,
                    "nmae_persistence_ratio": value.nmae_persistence_ratio,
                    "coverage_p10_p90_ratio": value.coverage_p10_p90_ratio,
                    "reason": value.reason,
                },
            )
    return scores(run_id=run_id)

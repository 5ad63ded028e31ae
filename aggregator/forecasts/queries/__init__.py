"""Read forecasts as dataclasses and arrays; weather as it was known; how forecasts did."""

from aggregator.forecasts.queries._accuracy import (
    LEADS,
    LeadErrors,
    Reliability,
    ScoredRun,
    asset_scores,
    lead_errors,
    reliability,
    scored_runs,
)
from aggregator.forecasts.queries._arrays import envelopes, qualities, quantiles
from aggregator.forecasts.queries._judged import NOT_LEARNED, capacities_kw, left_alone
from aggregator.forecasts.queries._runs import LONGEST_RUN, RunFacts, grid_of, latest_run, newest_run, run, runs_covering
from aggregator.forecasts.queries._scores import ScoreFacts, scores
from aggregator.forecasts.queries._weather import WeatherIssue, weather, weather_issues

__all__ = [
    "LEADS",
    "LONGEST_RUN",
    "NOT_LEARNED",
    "LeadErrors",
    "Reliability",
    "RunFacts",
    "ScoreFacts",
    "ScoredRun",
    "WeatherIssue",
    "asset_scores",
    "capacities_kw",
    "envelopes",
    "grid_of",
    "latest_run",
    "lead_errors",
    "left_alone",
    "newest_run",
    "qualities",
    "quantiles",
    "reliability",
    "run",
    "runs_covering",
    "scored_runs",
    "scores",
    "weather",
    "weather_issues",
]

"""What an issue of the past would have said, held against what came. Nothing of it is stored."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from aggregator.forecasts.domain import FOLLOWS_SCHEDULE, Quantiles, Tally, as_if_alone, tally
from aggregator.forecasts.operations._availability import Availability
from aggregator.forecasts.queries import capacities_kw, left_alone

UNHEARD = "no_recent_value"
Tallies = dict[str, dict[int | None, Tally]]


def tallies_of(*, found: Availability, known_at: datetime, periods: Mapping[str, slice], with_portfolio: bool) -> Tallies:
    """By horizon (the `periods` of the grid that count for it) and asset, the portfolio under None, as `score_run` judges.

    With the telemetry known at `known_at`; periods in which somebody intervened are left out, kinds that follow our schedule too.
    """
    rows = [(m, f) for m, f in zip(found.members, found.forecasts, strict=True) if m.kind not in FOLLOWS_SCHEDULE]
    if not rows:
        return {name: {} for name in periods}
    members = [member for member, _ in rows]
    actual = left_alone(asset_ids=[member.asset_id for member in members], grid=found.grid, known_at=known_at)
    capacity = capacities_kw(members)
    judged: list[tuple[int | None, Quantiles, np.ndarray, float, bool]] = [
        (member.asset_id, forecast.quantiles, actual[k], float(capacity[k]), UNHEARD not in forecast.notes)
        for k, (member, forecast) in enumerate(rows)
    ]
    summed = [k for k, (_, forecast) in enumerate(rows) if forecast.quantiles.quality != "missing"]
    if with_portfolio and summed:
        alone = as_if_alone(whole=found.whole, members=[rows[k][1].quantiles for k in summed], actual_kw=actual[summed])
        live = all(judged[k][4] for k in summed)
        judged.append((None, *alone, float(np.nansum(capacity[summed])) or float("nan"), live))
    return {
        name: {key: tally(said=_part(said, part), actual_kw=came[part], capacity_kw=kw, live=live) for key, said, came, kw, live in judged}
        for name, part in periods.items()
    }


def _part(said: Quantiles, part: slice) -> Quantiles:
    return Quantiles(said.mean[part], said.p10[part], said.p50[part], said.p90[part], said.persistence[part], said.quality)

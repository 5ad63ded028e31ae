"""What was measured of assets that were left to themselves, and stored forecasts beside it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from aggregator.assets.queries import Member, assets_by_id, commitments
from aggregator.forecasts.domain import Quantiles
from aggregator.forecasts.models import QuantileForecast
from aggregator.forecasts.queries._runs import RunFacts
from aggregator.kernel.periods import Grid
from aggregator.support.arrays import unpack_f4
from aggregator.telemetry import queries as telemetry

NOT_LEARNED = ("intervened", "event_day", "outage")
NAMES = ("mean", "p10", "p50", "p90", "persistence")
MOST_ROWS = 20_000  # stored forecasts that one comparison reads: above it every n-th asset stands for all


@dataclass(frozen=True)
class Judged:
    """Runs side by side: column k is a period of one of them, `lead_hours[k]` after its issue [h].

    forecasts[i] and actual_kw[i] are of members[i], (n,) kW injection; actual NaN where it is not known or somebody intervened.
    reference_kw (N,): what errors are divided by. `of_assets`: how many there were to choose from.
    """

    members: list[Member]
    forecasts: list[Quantiles]
    actual_kw: np.ndarray
    reference_kw: np.ndarray
    lead_hours: np.ndarray
    day_ahead: np.ndarray
    of_assets: int


def left_alone(*, asset_ids: Sequence[int], grid: Grid, known_at: datetime) -> np.ndarray:
    """Measured injection (N, n) in the order of `asset_ids`; NaN where it is not known at `known_at` or somebody intervened."""
    actual = telemetry.power(asset_ids=asset_ids, grid=grid, known_at=known_at)
    row = {asset_id: k for k, asset_id in enumerate(asset_ids)}
    for window in commitments(asset_ids=asset_ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=known_at, kinds=NOT_LEARNED):
        actual[row[window.asset_id], grid.window(window.starts_at, window.ends_at)] = np.nan
    return actual


def capacities_kw(members: Sequence[Member]) -> np.ndarray:
    """(N,) what errors are divided by; NaN = the mean of what was measured (loads)."""
    return np.array([np.nan if member.kind == "load" else getattr(member.spec, "rated_kw", np.nan) for member in members])


def judged(*, runs: Sequence[RunFacts], known_at: datetime, asset_ids: Collection[int] | None = None) -> Judged | None:
    """The forecasts of these runs (of one resolution) with what is known at `known_at`; None where there is nothing stored.

    `asset_ids`: these assets only.
    """
    rows = QuantileForecast.objects.filter(run_id__in=[run.id for run in runs], asset_id__isnull=False)
    if asset_ids is not None:
        rows = rows.filter(asset_id__in=asset_ids)
    every = sorted(set(rows.values_list("asset_id", flat=True)))
    if not every:
        return None
    ids = every[:: -(-len(every) * len(runs) // MOST_ROWS)]
    members = sorted(assets_by_id(asset_ids=ids).values(), key=lambda member: (member.kind, member.code, member.asset_id))
    order = {member.asset_id: k for k, member in enumerate(members)}
    first, last = min(run.grid.starts_at for run in runs), max(run.grid.ends_at for run in runs)
    whole = Grid(first, runs[0].grid.resolution, (last - first) // runs[0].grid.resolution)
    measured = left_alone(asset_ids=list(order), grid=whole, known_at=known_at)
    place = np.concatenate([((run.grid.starts_at - first) // whole.resolution) + np.arange(len(run.grid)) for run in runs])
    begins = dict(zip([run.id for run in runs], np.cumsum([0, *(len(run.grid) for run in runs)]), strict=False))
    values = np.full((len(NAMES), len(order), len(place)), np.nan, np.float32)
    for run_id, asset_id, *packed in (
        rows.filter(asset_id__in=ids).values_list("run_id", "asset_id", *(f"{n}_kw" for n in NAMES)).iterator()
    ):
        for k, one in enumerate(packed):
            array = unpack_f4(one)
            values[k, order[asset_id], begins[run_id] : begins[run_id] + len(array)] = array
    return Judged(
        members=members,
        forecasts=[Quantiles(*values[:, k]) for k in range(len(members))],
        actual_kw=measured[:, place],
        reference_kw=np.where(np.isfinite(sized := capacities_kw(members)), sized, _mean_size(measured)),
        lead_hours=np.concatenate([[(at - run.issued_at).total_seconds() / 3600 for at in run.grid.starts] for run in runs]),
        day_ahead=np.concatenate([np.full(len(run.grid), run.day_ahead) for run in runs]),
        of_assets=len(every),
    )


def _mean_size(measured_kw: np.ndarray) -> np.ndarray:
    """(N,) mean of |kW| over what is known; NaN where nothing is."""
    known = np.isfinite(measured_kw)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, np.abs(measured_kw), 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)

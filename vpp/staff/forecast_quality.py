"""What was heard of every asset in the last two weeks, and how good its newest forecast is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets.models import Asset
from aggregator.assets.queries import commitments
from aggregator.forecasts.queries import NOT_LEARNED, RunFacts, qualities
from aggregator.kernel.periods import Grid
from aggregator.telemetry.models import QUALITIES, TelemetryDay
from aggregator.telemetry.queries import power
from vpp.last_data import heard

DAYS = 14
MARKS = ("flatline", "spike", "out_of_range")


@dataclass(frozen=True)
class QualityRow:
    """Of one asset. completeness_ratio, intervened_ratio: of the periods; marks: of the `n_folded` values of folded days."""

    asset: Asset
    completeness_ratio: float
    marks: dict[str, int]
    n_folded: int
    intervened_ratio: float
    newest_at: datetime | None
    stale: bool
    forecast: str
    movable: str
    notes: list[str]


def window_of(*, at: datetime, resolution: timedelta) -> Grid:
    """The two weeks up to the last period that was over at `at`."""
    n = timedelta(days=DAYS) // resolution
    ends_at = at - (at - datetime.min.replace(tzinfo=at.tzinfo)) % resolution
    return Grid(ends_at - n * resolution, resolution, n)


def quality_rows(*, assets: Sequence[Asset], grid: Grid, run: RunFacts | None, now: datetime) -> list[QualityRow]:
    """In the order of `assets`; `run`: the newest forecast."""
    ids = [asset.pk for asset in assets]
    if not ids:
        return []
    known = np.isfinite(power(asset_ids=ids, grid=grid, known_at=now))
    marks, folded = _marks(ids, grid, now)
    moved = _intervened(ids, grid, now)
    newest = heard(asset_ids=ids, now=now)
    said = qualities(run_id=run.id) if run else {}
    notes: dict[str, list[str]] = {}
    for note in run.notes if run else ():
        what, _, code = note.partition(":")
        notes.setdefault(code, []).append(what)
    return [
        QualityRow(
            asset=asset,
            completeness_ratio=float(known[k].mean()),
            marks=marks[asset.pk],
            n_folded=folded[asset.pk],
            intervened_ratio=float(moved[k].mean()),
            newest_at=newest.rows[asset.pk].ends_at if asset.pk in newest.rows else None,
            stale=newest.stale(asset.pk),
            forecast=said.get(asset.pk, ("", ""))[0],
            movable=said.get(asset.pk, ("", ""))[1],
            notes=notes.get(asset.code, []) if asset.pk in said else [],
        )
        for k, asset in enumerate(assets)
    ]


def _marks(ids: Sequence[int], grid: Grid, now: datetime) -> tuple[dict[int, dict[str, int]], dict[int, int]]:
    """What folding marked of the power series: per asset and mark, and how many values there were to mark."""
    names = {name: code for code, name in QUALITIES.items()}
    marks, folded = {pk: dict.fromkeys(MARKS, 0) for pk in ids}, dict.fromkeys(ids, 0)
    rows = TelemetryDay.objects.filter(
        asset_id__in=ids, series="injection_kw", starts_at__gte=grid.starts_at, starts_at__lt=grid.ends_at, available_at__lte=now
    )
    for asset_id, packed in rows.values_list("asset_id", "quality"):
        counted = np.bincount(np.frombuffer(bytes(packed), dtype=np.uint8), minlength=len(names))
        folded[asset_id] += int(counted.sum() - counted[names["missing"]])
        for name in MARKS:
            marks[asset_id][name] += int(counted[names[name]])
    return marks, folded


def _intervened(ids: Sequence[int], grid: Grid, now: datetime) -> np.ndarray:
    """(N, n) bool: what no forecast learns from."""
    mask = np.zeros((len(ids), len(grid)), dtype=bool)
    row = {pk: k for k, pk in enumerate(ids)}
    for window in commitments(asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=now, kinds=NOT_LEARNED):
        mask[row[window.asset_id], grid.window(window.starts_at, window.ends_at)] = True
    return mask

"""How good a portfolio's forecasts were: scored days, calibration of the quantiles, and error by how far ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aggregator.forecasts.domain import Score
from aggregator.forecasts.queries import LEADS, LeadErrors, Reliability, ScoredRun
from aggregator.kernel.periods import day_of

WHOLE = "portfolio"
QUANTILES = (10, 50, 90)
CORRIDOR = (0.72, 0.88)


@dataclass(frozen=True)
class KindRow:
    """Means over scored days; `better_ratio`: by how much the error is smaller than persistence's on the days that have both."""

    kind: str
    n_days: int
    nmae_ratio: float | None
    persistence_ratio: float | None
    better_ratio: float | None
    coverage_ratio: float | None
    gap: str

    @property
    def outside(self) -> bool:
        """The band is too narrow or too wide."""
        return self.coverage_ratio is not None and not CORRIDOR[0] <= self.coverage_ratio <= CORRIDOR[1]


def kind_rows(runs: Sequence[ScoredRun]) -> list[KindRow]:
    """The portfolio first, then kinds by name."""
    kinds = sorted({kind for run in runs for kind in run.scores}, key=lambda kind: (kind != WHOLE, kind))
    return [_row(kind, [run.scores[kind] for run in runs if kind in run.scores]) for kind in kinds]


def _row(kind: str, scores: Sequence[Any]) -> KindRow:
    known = [one.nmae_ratio for one in scores if one.nmae_ratio is not None]
    both = [(one.nmae_ratio, one.nmae_persistence_ratio) for one in scores if one.nmae_persistence_ratio is not None]
    covered = [one.coverage_p10_p90_ratio for one in scores if one.coverage_p10_p90_ratio is not None]
    naive = sum(pair[1] for pair in both)
    return KindRow(
        kind=kind,
        n_days=len(known),
        nmae_ratio=_mean(known),
        persistence_ratio=_mean([pair[1] for pair in both]),
        better_ratio=1 - sum(pair[0] for pair in both) / naive if naive > 0 else None,
        coverage_ratio=_mean(covered),
        gap="" if known else next((one.reason for one in reversed(scores)), ""),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


@dataclass(frozen=True)
class LeadRow:
    kind: str
    cells: list[Score | None]


def lead_rows(found: LeadErrors | None) -> list[LeadRow]:
    """Per kind the leads of `lead_names`; None where there is no figure."""
    kinds = found.kinds if found else {}
    return [LeadRow(kind, [kinds[kind].get(lead) for lead in lead_names()]) for kind in sorted(kinds)]


def lead_names() -> list[str]:
    return [*(name for name, _ in LEADS), "day_ahead"]


def accuracy_json(
    runs: Sequence[ScoredRun], kind: str, calibrated: Reliability | None, leads: Sequence[LeadRow], *, words: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """Per cent. `words`: kinds and leads in the reader's language."""
    days = [(run, run.scores[kind]) for run in runs if kind in run.scores]
    curves = calibrated.kinds if calibrated else {}
    return {
        "days": [f"{day_of(run.starts_at):%m-%d}" for run, _ in days],
        "nmae": [_percent(score.nmae_ratio) for _, score in days],
        "persistence": [_percent(score.nmae_persistence_ratio) for _, score in days],
        "coverage": [_percent(score.coverage_p10_p90_ratio) for _, score in days],
        "corridor": [_percent(bound) for bound in CORRIDOR],
        "calibration": [
            {
                "name": words["kinds"][name],
                "points": [
                    [q, _percent(share)]
                    for q, share in zip(QUANTILES, (one.below_p10_ratio, one.below_p50_ratio, one.below_p90_ratio), strict=True)
                ],
            }
            for name, one in sorted(curves.items())
            if one.below_p10_ratio is not None
        ],
        "leads": [words["leads"][lead] for lead in lead_names()],
        "by_lead": [
            {"name": words["kinds"][row.kind], "nmae": [_percent(cell.nmae_ratio) if cell else None for cell in row.cells]} for row in leads
        ],
    }


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else round(100 * ratio, 2)

"""One Pareto report: its plans as points over their cost, and what each gives up for what."""

from dataclasses import dataclass
from typing import Any

from aggregator.dispatch.queries import ParetoFacts

AXES = {"carbon": "carbon_kg", "self_consumption": "self_consumption_ratio"}


@dataclass(frozen=True)
class Row:
    """One point. `more_cny`, `less_kg`: against the cheapest plan; `paths`: the axes on whose way it lies."""

    number: int
    point: dict[str, Any]
    more_cny: float
    less_kg: float | None
    paths: list[str]


@dataclass(frozen=True)
class ParetoPicture:
    """`charts`: per axis that has a meaning, JSON of its points and its path."""

    rows: list[Row]
    charts: dict[str, dict[str, Any]]
    notes: list[dict[str, Any]]
    n_assets_noted: int


def pareto_picture(report: ParetoFacts) -> ParetoPicture:
    rows = [_row(report, k) for k in range(len(report.points))]
    charts = {axis: _chart(report, field, report.paths[axis]) for axis, field in AXES.items() if report.paths.get(axis)}
    own = [note for note in report.notes if "asset" not in note]
    return ParetoPicture(rows, charts, own, len(report.notes) - len(own))


def _row(report: ParetoFacts, k: int) -> Row:
    point, first = report.points[k], report.points[0]
    known = point["carbon_kg"] is not None and first["carbon_kg"] is not None
    return Row(
        number=k + 1,
        point=point,
        more_cny=point["cost_cny"] - first["cost_cny"],
        less_kg=first["carbon_kg"] - point["carbon_kg"] if known else None,
        paths=[axis for axis in AXES if k in report.paths.get(axis, [])],
    )


def _chart(report: ParetoFacts, field: str, path: list[int]) -> dict[str, Any]:
    """[number, cost, amount] of the points on the path, cheapest first, and of the others."""
    found = [[k + 1, point["cost_cny"], point[field]] for k, point in enumerate(report.points) if point[field] is not None]
    on = {k + 1 for k in path}
    return {"path": [row for row in found if row[0] in on], "others": [row for row in found if row[0] not in on]}

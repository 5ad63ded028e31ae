"""What a solver's duals prove, computed from the programme's own rows and columns."""

from itertools import chain

import numpy as np

from market.bids.domain.risk._model import CurveModel


def dual_bound(model: CurveModel) -> float:
    """No point of the programme costs less, whoever found the duals: sum of dual x right-hand side + least of reduced cost x column.

    -inf where the solver gave no duals.
    """
    sheet, span = model.sheet, model.span
    place = {column: index for index, column in enumerate(sheet.columns)}
    expressions = [row.expr for row in sheet.rows]
    sense = np.fromiter((row.sense for row in sheet.rows), float)
    dual = np.array([np.nan if row.pi is None else row.pi for row in sheet.rows], dtype=float)
    if np.isnan(dual).any():
        return -np.inf
    dual = np.where(sense < 0, np.minimum(dual, 0.0), dual)
    lengths = np.fromiter(map(len, expressions), np.int64)
    columns = np.fromiter(map(place.__getitem__, chain.from_iterable(expressions)), np.int64)
    values = np.fromiter(chain.from_iterable(expression.values() for expression in expressions), float)
    reduced = -np.bincount(columns, values * np.repeat(dual, lengths), minlength=len(place))
    for column, cost in model.program.objective.items():
        reduced[place[column]] += cost
    bounds = np.array([span.get(column, (column.lowBound, column.upBound)) for column in sheet.columns], dtype=float)
    right = -np.fromiter((row.constant for row in sheet.rows), float)
    least = np.minimum(reduced * bounds[:, 0], reduced * bounds[:, 1])
    return float(model.program.objective.constant + dual @ right + least.sum())

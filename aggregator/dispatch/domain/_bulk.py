"""PuLP models at the speed of arrays: built from lists of (variable, coefficient), handed to HiGHS in one piece.

PuLP's own way adds one column and one row at a time and sorts the variables by name; that doubles the time of a
model with 100,000 columns. The model stays live in `problem.solverModel`, columns in the order of `variable.index`
and rows of `constraint.index`: who solves many like models changes bounds and costs there and runs again.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

import numpy as np
import pulp

from aggregator.dispatch.domain._watchdog import WorkLost, within

try:
    import highspy
except ImportError:  # then only CBC is left, and whoever asks for HiGHS is told so when a model is solved
    highspy = None  # type: ignore[assignment]

Term = tuple[pulp.LpVariable, float]

FEASIBLE_POINT = 2  # HiGHS: kSolutionStatusFeasible
FEASIBLE, FEASIBLE_RATIO = 1e-5, 1e-6  # of a row or bound, and of the largest of them: no honest point is farther out
WHOLE = 1e-4
GRACE_S = 5.0  # and as long again as the limit: HiGHS looks at its clock rarely while it presolves
LONGEST_S = 3600.0  # where no limit was asked for
STOPPED = {"kTimeLimit", "kSolutionLimit", "kIterationLimit", "kObjectiveBound", "kObjectiveTarget", "kInterrupt", "kUnknown"}
PROVEN = {
    "kOptimal": (pulp.LpStatusOptimal, pulp.LpSolutionOptimal),
    "kInfeasible": (pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible),
    "kUnboundedOrInfeasible": (pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible),
    "kUnbounded": (pulp.LpStatusUnbounded, pulp.LpSolutionUnbounded),
}


if highspy is not None:

    class Live(highspy.Highs):
        """A model alive in the solver. Whoever changes it and runs it again meets one kind of error, too."""

        def run(self) -> Any:
            try:
                return super().run()
            except Exception as problem:
                raise pulp.PulpSolverError(f"HiGHS failed: {problem}") from problem


@contextmanager
def paused_collector() -> Iterator[None]:
    """Python's cycle collector stands still: it would search a growing model again and again, for more than half of its making."""
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


class _Column(pulp.LpVariable):
    """A variable whose name needs no cleaning and whose hash is not computed in Python: half the time of a model's making."""

    name = ""  # in place of a property that searches for illegal characters
    __hash__ = object.__hash__

    def __init__(self, name: str, low: float | None, high: float | None, category: str) -> None:
        self.name = name
        self.hash = id(self)
        self.lowBound = self._lowbound_original = low
        self.upBound = self._upbound_original = high
        self.cat = category
        self.varValue = self.dj = None
        self.modified = True


class _Expression(pulp.LpAffineExpression):
    name = None

    def __init__(self, terms: Iterable[Term], constant: float = 0.0) -> None:
        dict.__init__(self, terms)
        self.constant = constant


class _Row(pulp.LpConstraint):
    name = ""

    def __init__(self, name: str, expression: _Expression, sense: int, right: float) -> None:
        self.name = name
        self.expr = expression
        self.constant = -right
        self.sense = sense
        self.pi = self.slack = None
        self.modified = True


class ModelBuilder:
    """A minimising model whose variables and rows are named by counters. A variable stands once in a row's terms."""

    def __init__(self, name: str) -> None:
        self.model = pulp.LpProblem(name, pulp.LpMinimize)
        self._cost: list[Term] = []
        self._constant = 0.0

    def variable(self, low: float | None, high: float | None, cost: float = 0.0, *, integer: bool = False) -> pulp.LpVariable:
        return self.variables([low], [high], [cost], integer=integer)[0]

    def variables(
        self,
        low: Sequence[float | None],
        high: Sequence[float | None],
        cost: Sequence[float] | None = None,
        *,
        integer: bool = False,
    ) -> list[pulp.LpVariable]:
        """One variable per entry of `low`; plain floats, None where there is no bound."""
        known, ids = self.model._variables, self.model._variable_ids
        category = pulp.LpInteger if integer else pulp.LpContinuous
        begun = len(known)
        made = [_Column(f"v{begun + k:08d}", a, b, category) for k, (a, b) in enumerate(zip(low, high, strict=True))]
        known.extend(made)
        ids.update(zip(map(attrgetter("hash"), made), made, strict=True))
        if cost is not None:
            self._cost.extend((v, c) for v, c in zip(made, cost, strict=True) if c)
        return made

    def row(self, terms: Iterable[Term], sense: int, right: float) -> pulp.LpConstraint:
        rows = self.model._constraints
        name = f"r{len(rows):08d}"
        row = rows[name] = _Row(name, _Expression(terms), sense, right)
        return row

    def add_cost(self, cny: float) -> None:
        """A constant part of the objective."""
        self._constant += cny

    def finish(self) -> pulp.LpProblem:
        """The model with its objective; more may be added afterwards, and `finish` called again."""
        self.model.setObjective(_Expression(self._cost, self._constant))
        return self.model


class BulkHighs(pulp.LpSolver):
    """HiGHS in this process, given the whole model at once; its options by their own names.

    Statuses as PuLP's, except that a stopped solve never says optimal: LpSolutionIntegerFeasible where HiGHS holds a
    feasible point, else not solved. A gap that was allowed (`mip_rel_gap`) counts as optimal; read it from the live model.
    """

    name = "BulkHighs"

    def __init__(self, *, mip: bool = True, msg: bool = False, **options: bool | float | str) -> None:
        super().__init__(mip=mip, msg=msg)
        self.highs_options = {"threads": 1, **options}

    def available(self) -> bool:
        return highspy is not None

    def actualSolve(self, lp: pulp.LpProblem) -> int:  # noqa: N802  (PuLP's name)
        """Raises pulp.PulpSolverError for whatever goes wrong inside, a solver that does not come back included."""
        if highspy is None:
            raise pulp.PulpSolverError("HiGHS is not installed")
        try:
            return self._solved(lp)
        except pulp.PulpSolverError:
            raise
        except WorkLost as lost:
            lp.solverModel = None  # it is still at work on it
            raise pulp.PulpSolverError(f"HiGHS does not come back: {lost}") from lost
        except Exception as problem:
            raise pulp.PulpSolverError(f"HiGHS failed: {problem}") from problem

    def _solved(self, lp: pulp.LpProblem) -> int:
        live = Live()
        live.setOptionValue("output_flag", bool(self.msg))
        for option, value in self.highs_options.items():
            if live.setOptionValue(option, value) != highspy.HighsStatus.kOk:
                raise pulp.PulpSolverError(f"HiGHS refuses {option} = {value}")
        with paused_collector():
            model = self._translated(lp)
        if live.passModel(model) == highspy.HighsStatus.kError:
            raise pulp.PulpSolverError("HiGHS refuses the model")
        limit_s = float(self.highs_options.get("time_limit", LONGEST_S))
        within(2.0 * limit_s + GRACE_S, live.run)
        lp.solverModel = live
        status = read_back(lp)
        if status == pulp.LpStatusOptimal and not _holds(model, np.asarray(live.getSolution().col_value)):
            return _forget(lp)
        return status

    def _translated(self, lp: pulp.LpProblem) -> Any:
        inf = highspy.kHighsInf
        objective = lp.objective if lp.objective is not None else pulp.LpAffineExpression()
        rows, columns = list(lp._constraints.values()), lp._variables
        expressions = [row.expr for row in rows]
        if not set(chain(objective, *expressions)).issubset(columns):
            for expression in (objective, *expressions):
                lp._add_variables(expression.keys())
        for index, column in enumerate(columns):
            column.index = index
        for index, row in enumerate(rows):
            row.index = index
        n, m = len(columns), len(rows)

        def each(name: str, of: Iterable[object], kind: type, count: int) -> np.ndarray:
            return np.fromiter(map(attrgetter(name), of), kind, count)

        def bounds(name: str, none: float) -> np.ndarray:
            given = np.array(list(map(attrgetter(name), columns)), dtype=float)  # None becomes nan
            return np.where(np.isnan(given), none, given)

        starts = np.zeros(m + 1, dtype=np.int32)
        np.cumsum(np.fromiter(map(len, expressions), np.int32, m), out=starts[1:])
        cost = np.zeros(n)
        cost[each("index", objective, np.int64, len(objective))] = np.fromiter(objective.values(), float, len(objective))
        right, sense = -each("constant", rows, float, m), each("sense", rows, np.int8, m)
        flip = -1.0 if lp.sense == pulp.LpMaximize else 1.0
        categories = [column.cat for column in columns]

        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = n, m
        model.col_cost_, model.offset_ = flip * cost, flip * objective.constant
        model.col_lower_, model.col_upper_ = bounds("lowBound", -inf), bounds("upBound", inf)
        model.row_lower_ = np.where(sense >= pulp.LpConstraintEQ, right, -inf)
        model.row_upper_ = np.where(sense <= pulp.LpConstraintEQ, right, inf)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = starts
        model.a_matrix_.index_ = each("index", chain.from_iterable(expressions), np.int32, starts[-1])
        model.a_matrix_.value_ = np.fromiter(chain.from_iterable(map(dict.values, expressions)), float, starts[-1])
        if self.mip and pulp.LpInteger in categories:
            kinds = {pulp.LpInteger: highspy.HighsVarType.kInteger, pulp.LpContinuous: highspy.HighsVarType.kContinuous}
            model.integrality_ = [kinds[category] for category in categories]
        return model


def read_back(lp: pulp.LpProblem) -> int:
    """Statuses, values and duals of the live model as it stands; also after a run that was changed and started by hand."""
    live = lp.solverModel
    status = live.getModelStatus().name
    has_point = live.getInfo().primal_solution_status == FEASIBLE_POINT
    outcome = PROVEN.get(status, (pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound))
    if status in STOPPED and has_point:
        outcome = (pulp.LpStatusOptimal, pulp.LpSolutionIntegerFeasible)
    rows, point = lp._constraints.values(), live.getSolution()
    if outcome[0] == pulp.LpStatusOptimal:
        for column, value in zip(lp._variables, point.col_value, strict=True):
            column.varValue = value
        for row, value in zip(rows, point.row_value, strict=True):
            row.slack = (row.constant + value) * (-1.0 if row.sense == pulp.LpConstraintLE else 1.0)
    else:
        for column in lp._variables:
            column.varValue = None
    with_duals = outcome[0] == pulp.LpStatusOptimal and point.dual_valid
    for column, dual in zip(lp._variables, point.col_dual if with_duals else repeat(None), strict=with_duals):
        column.dj = dual
    for row, dual in zip(rows, point.row_dual if with_duals else repeat(None), strict=with_duals):
        row.pi = dual
    lp.assignStatus(*outcome)
    return outcome[0]


def _holds(model: Any, point: np.ndarray) -> bool:
    """Whether a point keeps every bound, row and integer of what the solver was given, by our own sums."""
    starts, index = np.asarray(model.a_matrix_.start_), np.asarray(model.a_matrix_.index_, dtype=np.int64)
    row = np.repeat(np.arange(model.num_row_), np.diff(starts))
    products = np.asarray(model.a_matrix_.value_) * point[index]
    sides = [(point, np.asarray(model.col_lower_), np.asarray(model.col_upper_))]
    sides.append((np.bincount(row, products, model.num_row_), np.asarray(model.row_lower_), np.asarray(model.row_upper_)))
    for values, low, high in sides:
        finite = np.abs(np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)]]))
        tolerance = FEASIBLE + FEASIBLE_RATIO * finite.max(initial=0.0)
        if not ((values >= low - tolerance) & (values <= high + tolerance)).all():  # NaN fails, too
            return False
    whole = np.array([kind == highspy.HighsVarType.kInteger for kind in model.integrality_], dtype=bool)
    return not len(whole) or bool((np.abs(point - np.rint(point))[whole] <= WHOLE).all())


def _forget(lp: pulp.LpProblem) -> int:
    """A solver's word that does not hold is no solution."""
    for column in lp._variables:
        column.varValue = column.dj = None
    for row in lp._constraints.values():
        row.pi = row.slack = None
    lp.assignStatus(pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound)
    return pulp.LpStatusNotSolved

"""The simple park as raw arrays handed straight to HiGHS: the reference that the optimiser's figures are compared with.

No modelling layer, one call. Calls relaxed (a lower bound of every plan) or whole (the true optimum, as long as no price is
so negative that storing and giving back at once would pay: `both_at_once_kw` shows it).
"""

import time
from dataclasses import dataclass, field

import highspy
import numpy as np

from aggregator.dispatch.domain._bulk import BulkHighs
from aggregator.dispatch.domain.fleet.problem import NO_PROFILE, FleetProblem
from aggregator.dispatch.domain.fleet.reference import reference_model

INF = highspy.kHighsInf
SAME_RATIO = 1e-6


class NotSimple(ValueError):
    """The raw reference knows the simple park's features only."""


@dataclass(frozen=True)
class RawPlan:
    """cost and bound [CNY]; bound = cost for a relaxation. `seconds` wall: build, solve (with the hand-over); cpu_seconds of both."""

    cost_cny: float
    bound_cny: float
    status: str
    columns: int
    rows: int
    seconds: dict[str, float]
    cpu_seconds: float
    both_at_once_kw: float

    @property
    def wall_seconds(self) -> float:
        return sum(self.seconds.values())


@dataclass
class _Program:
    """min cost x, row_lower <= A x <= row_upper, in blocks of columns, rows and entries."""

    cost: list[np.ndarray] = field(default_factory=list)
    lower: list[np.ndarray] = field(default_factory=list)
    upper: list[np.ndarray] = field(default_factory=list)
    row_lower: list[np.ndarray] = field(default_factory=list)
    row_upper: list[np.ndarray] = field(default_factory=list)
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    whole: list[np.ndarray] = field(default_factory=list)
    n_columns: int = 0
    n_rows: int = 0

    def columns(self, shape: tuple[int, ...], *, cost: object = 0.0, lower: object = 0.0, upper: object = INF) -> np.ndarray:
        index = np.arange(self.n_columns, self.n_columns + int(np.prod(shape))).reshape(shape)
        self.n_columns += index.size
        for block, values in ((self.cost, cost), (self.lower, lower), (self.upper, upper)):
            block.append(np.broadcast_to(np.asarray(values, dtype=float), shape).ravel())
        return index

    def rows(self, shape: tuple[int, ...], lower: object, upper: object) -> np.ndarray:
        index = np.arange(self.n_rows, self.n_rows + int(np.prod(shape))).reshape(shape)
        self.n_rows += index.size
        for block, values in ((self.row_lower, lower), (self.row_upper, upper)):
            block.append(np.broadcast_to(np.asarray(values, dtype=float), shape).ravel())
        return index

    def put(self, row: np.ndarray, column: np.ndarray, value: object) -> None:
        rows, columns, values = np.broadcast_arrays(row, column, np.asarray(value, dtype=float))
        self.entries.append((rows.ravel(), columns.ravel(), values.ravel()))

    def model(self, *, relaxed: bool) -> highspy.HighsLp:
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.n_columns, self.n_rows
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = (np.concatenate(block) for block in (self.cost, self.lower, self.upper))
        lp.row_lower_, lp.row_upper_ = np.concatenate(self.row_lower), np.concatenate(self.row_upper)
        row, column, value = (np.concatenate(block) for block in zip(*self.entries, strict=True))
        by_row = np.argsort(row, kind="stable")
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=self.n_rows))])
        lp.a_matrix_.index_, lp.a_matrix_.value_ = column[by_row], value[by_row]
        if not relaxed:
            kinds = np.full(self.n_columns, highspy.HighsVarType.kContinuous)
            kinds[np.concatenate(self.whole)] = highspy.HighsVarType.kInteger
            lp.integrality_ = kinds.tolist()
        return lp


def raw_plan(
    problem: FleetProblem, *, relaxed: bool, time_limit_s: float = 600.0, mip_gap_ratio: float = 1e-5, threads: int = 1
) -> RawPlan:
    """Raises NotSimple where the problem has a feature that this model has not, RuntimeError where HiGHS finds no plan."""
    _refuse_what_is_not_simple(problem)
    began, cpu = time.perf_counter(), time.process_time()
    program, charge, discharge = _program(problem)
    model = program.model(relaxed=relaxed)
    built = time.perf_counter()
    highs = highspy.Highs()
    for name, value in (("output_flag", False), ("threads", threads), ("time_limit", time_limit_s), ("mip_rel_gap", mip_gap_ratio)):
        highs.setOptionValue(name, value)
    highs.passModel(model)
    highs.run()
    info, solution = highs.getInfo(), np.asarray(highs.getSolution().col_value)
    seconds = {"build": built - began, "solve": time.perf_counter() - built}
    cpu = time.process_time() - cpu
    status = highs.modelStatusToString(highs.getModelStatus())
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise RuntimeError(f"HiGHS found no plan: {status}")
    return RawPlan(
        cost_cny=info.objective_function_value,
        bound_cny=info.objective_function_value if relaxed else info.mip_dual_bound,
        status=status,
        columns=program.n_columns,
        rows=program.n_rows,
        seconds=seconds,
        cpu_seconds=cpu,
        both_at_once_kw=float(np.minimum(solution[charge], solution[discharge]).max(initial=0.0)),
    )


@dataclass(frozen=True)
class ModelAgainstArrays:
    """CPU seconds of the exact model, written in PuLP and solved, and of the same arrays handed straight to the solver.

    build: the PuLP model; solve: HiGHS on it, translation and read-back included; raw: the very arrays it was translated to.
    """

    build_seconds: float
    solve_seconds: float
    raw_seconds: float
    columns: int
    rows: int

    @property
    def over_raw_ratio(self) -> float:
        return (self.build_seconds + self.solve_seconds) / self.raw_seconds


def model_against_arrays(problem: FleetProblem) -> ModelAgainstArrays:
    """Calls relaxed: searching for whole ones takes the same time either way and would only hide what the model costs.

    Raises RuntimeError where one of them finds no optimum, or the two differ.
    """
    cpu = [time.process_time()]
    model, _ = reference_model(problem, relaxed_calls=True)
    cpu.append(time.process_time())
    model.solve(BulkHighs())
    cpu.append(time.process_time())
    arrays = model.solverModel.getLp()
    highs = highspy.Highs()
    for name, value in (("output_flag", False), ("threads", 1)):
        highs.setOptionValue(name, value)
    begun = time.process_time()
    highs.passModel(arrays)
    highs.run()
    raw = time.process_time() - begun
    cost, alone = model.solverModel.getInfo().objective_function_value, highs.getInfo().objective_function_value
    if highs.modelStatusToString(highs.getModelStatus()) != "Optimal" or abs(cost - alone) > SAME_RATIO * abs(alone):
        raise RuntimeError(f"the model costs {cost}, its arrays {alone}")
    return ModelAgainstArrays(cpu[1] - cpu[0], cpu[2] - cpu[1], raw, arrays.num_col_, arrays.num_row_)


def _refuse_what_is_not_simple(problem: FleetProblem) -> None:
    stores, calls, n = problem.stores, problem.calls, problem.periods
    features = {
        "groups": len(problem.groups) > 0,
        "demand charges": problem.sites.demand_price_cny_per_kw.any(),
        "export without a share": np.isinf(problem.sites.export_share_ratio).any(),
        "rooms, leakage or windows of stores": (stores.profile != NO_PROFILE).any()
        or (stores.keep_ratio != 1).any()
        or (stores.first != 0).any()
        or (stores.end != n).any(),
        "ramps, rests or longest calls": calls.ramp.any()
        or calls.rest.any()
        or calls.rebound.any()
        or (calls.max_on < calls.max_periods).any(),
    }
    found = [name for name, there in features.items() if there]
    if found:
        raise NotSimple(f"the raw reference has no {', no '.join(found)}")


def _program(problem: FleetProblem) -> tuple[_Program, np.ndarray, np.ndarray]:
    """The program, and the indices (N, n) of the stores' charge and discharge."""
    program = _Program()
    hours, n, sites, market = problem.hours, problem.periods, problem.sites, problem.market
    e, t = len(sites), np.arange(n)[None]
    imported = program.columns((e, n), cost=hours * sites.buy_cny_per_kwh, upper=sites.import_limit_kw[:, None])
    exported = program.columns((e, n), cost=-hours * sites.sell_cny_per_kwh, upper=sites.export_limit_kw[:, None])
    used = program.columns((e, n), upper=sites.generation_kw)
    balance = program.rows((e, n), sites.fixed_injection_kw, sites.fixed_injection_kw)
    program.put(balance, exported, 1)
    program.put(balance, imported, -1)
    program.put(balance, used, -1)
    share = program.rows((e, 1), -INF, sites.export_credit_kwh[:, None] / hours)
    program.put(share, exported, 1)
    program.put(share, used, -sites.export_share_ratio[:, None])

    charge, discharge = _put_stores(program, problem, balance)
    _put_fills(program, problem, balance)
    _put_calls(program, problem, balance)

    up = program.columns(market.up_kw.shape, cost=-hours * market.up_price_cny_per_kwh, upper=market.up_kw)
    down = program.columns(market.down_kw.shape, cost=hours * market.down_price_cny_per_kwh, upper=market.down_kw)
    over = program.columns((n,), cost=hours * market.over_price_cny_per_kwh)
    under = program.columns((n,), cost=hours * market.under_price_cny_per_kwh)
    portfolio = program.rows((n,), market.reference_injection_kw, market.reference_injection_kw)
    program.put(portfolio[t], exported, 1)
    program.put(portfolio[t], imported, -1)
    program.put(portfolio[:, None], up, -1)
    program.put(portfolio[:, None], down, 1)
    program.put(portfolio, over, -1)
    program.put(portfolio, under, 1)
    return program, charge, discharge


def _put_stores(program: _Program, problem: FleetProblem, balance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    stores, hours, shape = problem.stores, problem.hours, (len(problem.stores), problem.periods)
    lower = np.repeat(stores.min_kwh[:, None], problem.periods, axis=1)
    lower[:, -1] = np.maximum(stores.min_kwh, stores.end_kwh)
    value = np.zeros(shape)
    value[:, -1] = -stores.end_value_cny_per_kwh
    charge = program.columns(shape, upper=stores.charge_kw[:, None])
    discharge = program.columns(shape, cost=hours * stores.wear_cny_per_kwh[:, None], upper=stores.discharge_kw[:, None])
    energy = program.columns(shape, cost=value, lower=lower, upper=stores.max_kwh[:, None])
    before = np.zeros(shape)
    before[:, 0] = stores.initial_kwh
    step = program.rows(shape, before, before)
    program.put(step, energy, 1)
    program.put(step[:, 1:], energy[:, :-1], -1)
    program.put(step, charge, -hours * stores.eta_in[:, None])
    program.put(step, discharge, hours / stores.eta_out[:, None])
    program.put(balance[stores.site], charge, 1)
    program.put(balance[stores.site], discharge, -1)
    return charge, discharge


def _put_fills(program: _Program, problem: FleetProblem, balance: np.ndarray) -> None:
    fills = problem.fills
    row, t = _inside(fills.first, fills.end, problem.periods)
    charge = program.columns((len(row),), upper=fills.charge_kw[row])
    need = program.rows((len(fills),), fills.need_kwh, fills.need_kwh)
    program.put(need[row], charge, problem.hours * fills.eta_in[row])
    program.put(balance[fills.site[row], t], charge, 1)


def _put_calls(program: _Program, problem: FleetProblem, balance: np.ndarray) -> None:
    calls = problem.calls
    row, t = _inside(calls.first, calls.end, problem.periods)
    called = program.columns((len(row),), cost=problem.hours * (calls.shed_kw * calls.cost_cny_per_kwh)[row], upper=1)
    begun = program.columns((len(row),), upper=1)
    program.whole.append(called)
    program.put(balance[calls.site[row], t], called, -calls.shed_kw[row])
    begin = program.rows((len(row),), 0, INF)
    program.put(begin, begun, 1)
    program.put(begin, called, -1)
    later = np.flatnonzero(t > calls.first[row])
    program.put(begin[later], called[later - 1], 1)
    program.put(program.rows((len(calls),), -INF, calls.max_calls)[row], begun, 1)
    program.put(program.rows((len(calls),), -INF, calls.max_periods)[row], called, 1)


def _inside(first: np.ndarray, end: np.ndarray, n_periods: int) -> tuple[np.ndarray, np.ndarray]:
    """(row, period) of every period inside its row's window, in that order."""
    t = np.arange(n_periods)
    row, period = np.nonzero((t >= first[:, None]) & (t < end[:, None]))
    return row, period

"""The one place that talks to solvers: HiGHS in this process first, CBC as a fenced child process second.

A solver's word is not enough (at its time limit PuLP reports "Optimal" for points that are not even
feasible): a result counts only with a proven status or as a point that satisfies every row.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pulp

# What ends a solve is its gap or its number of nodes, which a busy machine does not change; the wall clock is the last resort.
MAX_NODES = 200  # 60 assets over a day need 1; a node there takes about 0.1 s
MIP_GAP = 1e-3  # ten times faster than 2e-4 on 60 assets; the gap to the relaxation hardly moves (0.2 to 0.3 %)
FEASIBLE = 1e-5
FEASIBLE_CBC = 1e-3  # its solution file is text with few digits; setpoints are rounded to 1e-3 kW anyway
CLOSED_GAP = 1e-6
GRACE_S = 1.0
FEASIBLE_POINT = 2  # HiGHS: kSolutionStatusFeasible


@dataclass(frozen=True)
class Answer:
    """status: optimal | at_gap (of a proven bound) | timeout (a valid point, unproven) | none.

    Values are read from the model's variables.
    """

    status: str
    solver: str
    gap_ratio: float | None = None
    objective: float = 0.0

    @property
    def usable(self) -> bool:
        return self.status != "none"


NONE = Answer("none", "")


class BoundedHighs(pulp.HiGHS):
    """HiGHS that may stop at its number of nodes; PuLP 3.3 does not know the status that HiGHS then gives."""

    def findSolutionValues(self, lp: pulp.LpProblem) -> tuple[int, int]:  # noqa: N802  (PuLP's name)
        try:
            return super().findSolutionValues(lp)
        except KeyError:
            if lp.solverModel.getInfo().primal_solution_status != FEASIBLE_POINT:
                return pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound
            return pulp.LpStatusOptimal, pulp.LpSolutionOptimal  # optimal but for the gap, which is read and kept


class FencedCbc(pulp.COIN_CMD):
    """CBC in its own process group and folder, killed at a wall clock: its own limit is not kept while it presolves."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, timeLimit=seconds, gapRel=MIP_GAP, threads=1)

    def actualSolve(self, lp: pulp.LpProblem, **_: object) -> int:  # noqa: N802  (PuLP's name)
        with tempfile.TemporaryDirectory(prefix="cbc-") as folder:
            model, result = Path(folder) / "model.mps", Path(folder) / "model.sol"
            variables, variable_names, row_names, _objective = lp.writeMPS(str(model), rename=True)
            command = [self.path, str(model), "-sec", str(self.timeLimit), "-ratio", str(MIP_GAP), "-threads", "1"]
            command += ["-maxNodes", str(MAX_NODES)]
            command += ["-timeMode", "elapsed", "-solve", "-printingOptions", "all", "-solution", str(result)]
            child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            try:
                code = child.wait(timeout=self.timeLimit + GRACE_S)
            finally:
                if child.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            if code != 0 or not result.exists():
                raise pulp.PulpSolverError(f"CBC ended with {code}")
            status, values, _, _, _, sol_status = self.readsol_MPS(str(result), lp, variables, variable_names, row_names)
        lp.assignVarsVals(values)
        lp.assignStatus(status, sol_status)
        return status


def usable_solvers() -> tuple[str, ...]:
    """Names of the solvers that can run here, the preferred one first."""
    return tuple(name for name in ("HiGHS", "PULP_CBC_CMD") if pulp.getSolver(name, msg=False).available())


def solve(model: pulp.LpProblem, *, seconds: float, integer: bool) -> Answer:
    """Solve in place within about `seconds` [s]. Never raises: without a usable point the answer is "none"."""
    if seconds <= 0:
        return NONE
    begun = time.monotonic()
    answer = _with_highs(model, seconds=seconds, integer=integer)
    if answer.usable:
        return answer
    left = seconds - (time.monotonic() - begun)
    return _with_cbc(model, seconds=left) if left > 0 else NONE


def _with_highs(model: pulp.LpProblem, *, seconds: float, integer: bool) -> Answer:
    """A second try without presolve: HiGHS 1.15 presolved a feasible model with a nearly fixed column to "infeasible"."""
    begun = time.monotonic()
    for options in ({}, {"presolve": "off"}):
        left = seconds - (time.monotonic() - begun)
        if left <= 0:
            return NONE
        limits = {"gapRel": MIP_GAP, "mip_max_nodes": MAX_NODES} if integer else {}
        try:
            model.solve(BoundedHighs(msg=False, threads=1, timeLimit=left, **limits, **options))
        except Exception:  # noqa: BLE001  (whatever a solver throws, the fallback stands ready)
            return NONE
        if model.sol_status != pulp.LpSolutionInfeasible:
            break
    answer = _judge(model, "highs", FEASIBLE)
    if answer.status == "optimal" and integer:
        gap = float(model.solverModel.getInfo().mip_gap)
        return replace(answer, status="optimal" if gap <= CLOSED_GAP else "at_gap", gap_ratio=gap)
    return answer


def _with_cbc(model: pulp.LpProblem, *, seconds: float) -> Answer:
    try:
        model.solve(FencedCbc(seconds=seconds))
    except Exception:  # noqa: BLE001
        return NONE
    answer = _judge(model, "cbc", FEASIBLE_CBC)
    # CBC stops at the gap that it was allowed and calls it optimal; it does not tell which gap.
    return replace(answer, status="at_gap", gap_ratio=MIP_GAP) if answer.status == "optimal" and model.isMIP() else answer


def _judge(model: pulp.LpProblem, solver: str, tolerance: float) -> Answer:
    if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return NONE
    if any(v.varValue is None for v in model.variables()) or not model.valid(tolerance):
        return NONE
    status = "optimal" if model.sol_status == pulp.LpSolutionOptimal else "timeout"
    return Answer(status, solver, objective=float(pulp.value(model.objective)))

"""CBC as a fenced child process, the fallback where HiGHS fails, and which solvers there are.

A solver's word is not enough (at its time limit PuLP reports "Optimal" for points that are not even feasible): whoever
asks CBC also asks whether the point satisfies every row (`model.valid`); BulkHighs asks that of HiGHS itself.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pulp

# What ends a solve is its gap or its number of nodes, which a busy machine does not change; the wall clock is the last resort.
MAX_NODES = 200  # 60 assets over a day need 1; a node there takes about 0.1 s
MIP_GAP = 1e-3  # ten times faster than 2e-4 on 60 assets; the gap to the relaxation hardly moves (0.2 to 0.3 %)
FEASIBLE = 1e-5
FEASIBLE_CBC = 1e-3  # its solution file is text with few digits; setpoints are rounded to 1e-3 kW anyway
CLOSED_GAP = 1e-6
GRACE_S = 1.0

# Becomes the solver, to be killed by the kernel when the thread that began it dies: nobody else would end it after a SIGKILL of ours.
# prctl(1, ..) is PR_SET_PDEATHSIG; a parent that died before that is seen by its number.
BECOME = """import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class FencedCbc(pulp.COIN_CMD):
    """CBC in its own process group and folder, killed at a wall clock: its own limit is not kept while it presolves."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, timeLimit=seconds, gapRel=MIP_GAP, threads=1)

    def actualSolve(self, lp: pulp.LpProblem, **_: object) -> int:  # noqa: N802  (PuLP's name)
        """Raises pulp.PulpSolverError where CBC is missing, hangs, is killed or leaves no answer."""
        with tempfile.TemporaryDirectory(prefix="cbc-") as folder:
            model, result = Path(folder) / "model.mps", Path(folder) / "model.sol"
            variables, variable_names, row_names, _objective = lp.writeMPS(str(model), rename=True)
            command = [self.path, str(model), "-sec", str(self.timeLimit), "-ratio", str(MIP_GAP), "-threads", "1"]
            command += ["-maxNodes", str(MAX_NODES)]
            command += ["-timeMode", "elapsed", "-solve", "-printingOptions", "all", "-solution", str(result)]
            code = _fenced(command, folder, seconds=self.timeLimit + GRACE_S)
            if code != 0 or not result.exists():
                raise pulp.PulpSolverError(f"CBC ended with {code}")
            status, values, _, _, _, sol_status = self.readsol_MPS(str(result), lp, variables, variable_names, row_names)
        lp.assignVarsVals(values)
        lp.assignStatus(status, sol_status)
        return status


def _fenced(command: list[str], folder: str, *, seconds: float) -> int:
    """The exit code of a child that does not outlive `seconds` [s], us, or a group of its own. Raises pulp.PulpSolverError."""
    wrapped = [sys.executable, "-I", "-S", "-c", BECOME, str(os.getpid()), *command]
    try:
        child = subprocess.Popen(
            wrapped, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as problem:
        raise pulp.PulpSolverError(f"CBC cannot be run: {problem}") from problem
    try:
        return child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise pulp.PulpSolverError(f"CBC does not come back within {seconds:.1f} s") from None
    finally:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def usable_solvers() -> tuple[str, ...]:
    """Names of the solvers that can run here, the preferred one first."""
    return tuple(name for name in ("HiGHS", "PULP_CBC_CMD") if pulp.getSolver(name, msg=False).available())

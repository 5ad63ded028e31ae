"""The storage case by FlexMeasures' device scheduler, its own HiGHS backend. Needs nothing of this project.

Its stock is counted in kW x periods and from the start; consumption is positive; prices are CNY per kW and period.
"""

import json
import resource
import sys
import time
from importlib import import_module, metadata
from typing import Any


def solve(case: dict[str, Any], schedule: Any) -> dict[str, Any]:
    pandas = import_module("pandas")
    hours, n = case["hours"], len(case["buy_cny_per_kwh"])
    index = pandas.date_range("2026-01-01", periods=n, freq=pandas.Timedelta(hours=hours), tz="UTC")

    def frame(**columns: Any) -> Any:
        return pandas.DataFrame(columns, index=index, dtype=float)

    devices = []
    for k, start in enumerate(case["initial_kwh"]):
        low = [(case["min_kwh"][k] - start) / hours] * n
        low[-1] = max(low[-1], (case["end_kwh"][k] - start) / hours)
        bounds = {"min": low, "max": (case["max_kwh"][k] - start) / hours, "equals": float("nan")}
        power = {"derivative min": -case["discharge_kw"][k], "derivative max": case["charge_kw"][k], "derivative equals": float("nan")}
        losses = {"derivative up efficiency": case["eta_in"][k], "derivative down efficiency": case["eta_out"][k], "efficiency": 1.0}
        devices.append(frame(**bounds, **power, **losses))
    load = pandas.Series(case["load_kw"], index=index)
    site = frame(**{"derivative min": -case["export_limit_kw"] - load, "derivative max": case["import_limit_kw"] - load})
    powers, _, results, _ = schedule(
        device_constraints=devices,
        ems_constraints=site,
        commitment_quantities=[-load],
        commitment_downwards_deviation_price=[pandas.Series([p * hours for p in case["sell_cny_per_kwh"]], index=index)],
        commitment_upwards_deviation_price=[pandas.Series([p * hours for p in case["buy_cny_per_kwh"]], index=index)],
        initial_stock=0,
    )
    condition = str(results.solver.termination_condition)
    return {"status": condition, "consumption_kw": [list(map(float, power.values)) for power in powers]}


def main() -> None:
    asked = json.load(sys.stdin)
    flask = import_module("flask")
    app = flask.Flask("peer")
    app.config.update(FLEXMEASURES_LP_SOLVER="highspy", LOGGING_LEVEL="INFO")
    schedule = import_module("flexmeasures.data.models.planning.linear_optimization").device_scheduler
    with app.app_context():
        solve(asked["warm_up"], schedule)
        wall, cpu = [], []
        for _ in range(asked["repeats"]):
            began, used = time.perf_counter(), time.process_time()
            answer = solve(asked["case"], schedule)
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"wall_seconds": wall, "cpu_seconds": cpu, "peak_memory_mib": peak, "version": metadata.version("flexmeasures")}
    sys.stdout.write("\n" + json.dumps({**answer, **figures}))  # behind whatever the peer itself prints


if __name__ == "__main__":
    main()

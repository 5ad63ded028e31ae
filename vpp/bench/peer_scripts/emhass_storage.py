"""The storage case by EMHASS. Needs nothing of this project. Its model differs a little, and is set to what comes nearest:

power limits count inside the battery, so they are given with the efficiency taken out; the level at the end is met, not
exceeded; its own gap is set to a thousandth. Powers in W, energies in Wh, levels as shares of the capacity.
"""

import json
import logging
import resource
import sys
import time
from importlib import import_module, metadata, resources
from pathlib import Path
from typing import Any

GAP_RATIO = 1e-3
LIMIT_S = 600
LOAD, PV, COST, PRICE = "load", "pv", "unit_load_cost", "unit_prod_price"


def shares(case: dict[str, Any], column: str) -> list[float]:
    return [level / full for level, full in zip(case[column], case["max_kwh"], strict=True)]


def optimizer(case: dict[str, Any], defaults: dict[str, Any], pandas: Any) -> Any:
    count, n = len(case["charge_kw"]), len(case["load_kw"])
    columns = list(zip(case["charge_kw"], case["discharge_kw"], case["eta_in"], case["eta_out"], strict=True))
    plant = {
        "number_of_batteries": count,
        "battery_charge_power_max": [1000 * charge * inward for charge, _, inward, _ in columns],
        "battery_discharge_power_max": [1000 * discharge / outward for _, discharge, _, outward in columns],
        "battery_charge_efficiency": case["eta_in"],
        "battery_discharge_efficiency": case["eta_out"],
        "battery_nominal_energy_capacity": [1000 * full for full in case["max_kwh"]],
        "battery_minimum_state_of_charge": shares(case, "min_kwh"),
        "battery_maximum_state_of_charge": [1.0] * count,
        "battery_target_state_of_charge": shares(case, "end_kwh"),
        "maximum_power_from_grid": 1000 * case["import_limit_kw"],
        "maximum_power_to_grid": 1000 * case["export_limit_kw"],
    }
    wanted = {
        "set_use_battery": True,
        "set_nodischarge_to_grid": False,
        "number_of_deferrable_loads": 0,
        "lp_solver_mip_rel_gap": GAP_RATIO,
        "lp_solver_timeout": LIMIT_S,
        "num_threads": 1,
        "weight_battery_discharge": 0.0,
        "weight_battery_charge": 0.0,
    }
    step = pandas.Timedelta(hours=case["hours"])
    readings = {
        "optimization_time_step": step,
        "time_zone": "UTC",
        "sensor_power_photovoltaics": PV,
        "sensor_power_load_no_var_loads": LOAD,
    }
    logger = logging.getLogger("peer")
    logger.setLevel(logging.ERROR)
    folder = Path(str(resources.files("emhass")))
    make = import_module("emhass.optimization").Optimization
    paths = {"root_path": folder, "data_path": folder / "data"}
    return make(
        {**defaults, **readings}, {**defaults, **wanted}, {**defaults, **plant}, COST, PRICE, "profit", paths, logger, num_timesteps=n
    )


def solve(case: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    pandas = import_module("pandas")
    n = len(case["load_kw"])
    index = pandas.date_range("2026-01-01", periods=n, freq=pandas.Timedelta(hours=case["hours"]), tz="UTC")
    load = pandas.Series([1000 * kw for kw in case["load_kw"]], index=index)
    sun = pandas.Series(0.0, index=index)
    given = pandas.DataFrame({COST: case["buy_cny_per_kwh"], PRICE: case["sell_cny_per_kwh"], LOAD: load, PV: sun}, index=index)
    model = optimizer(case, defaults, pandas)
    found = model.perform_dayahead_forecast_optim(given, sun, load, soc_init=shares(case, "initial_kwh"), soc_final=shares(case, "end_kwh"))
    power = [[-watts / 1000 for watts in found[f"P_batt_{k}"]] for k in range(len(case["charge_kw"]))]
    return {"status": str(model.optim_status), "consumption_kw": power}


def main() -> None:
    asked = json.load(sys.stdin)
    defaults = json.loads((resources.files("emhass") / "data" / "config_defaults.json").read_text())
    solve(asked["warm_up"], defaults)
    wall, cpu = [], []
    for _ in range(asked["repeats"]):
        began, used = time.perf_counter(), time.process_time()
        answer = solve(asked["case"], defaults)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"wall_seconds": wall, "cpu_seconds": cpu, "peak_memory_mib": peak, "version": metadata.version("emhass")}
    sys.stdout.write("\n" + json.dumps({**answer, **figures}))


if __name__ == "__main__":
    main()

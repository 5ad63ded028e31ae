"""The same storage case by us and by peers that are installed in environments of their own, in one run.

N batteries behind the connection of a works whose load is about as large as they are; quarter hours of a day; time-of-use
prices with a little of each quarter hour's own; exports earn a little less than spot. One-way: the batteries only charge, to
a level that they must hold in the end. Two-way: they also discharge. Every answer is checked here, and its cost computed
here, by one formula for all.
"""

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.progress import Progress

from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.problem import FleetProblem, Sites, no_groups, no_market, no_profiles
from vpp.bench import fleet_draws as draw
from vpp.bench import fleet_prices as price

SCRIPTS = Path(__file__).parent / "peer_scripts"
TIMEOUT_S = 900.0
WARM_UP = 2  # assets
LOAD_KW_PER_ASSET = 120.0
OWN_CNY_PER_KWH = 0.05  # of a quarter hour's price: without it a thousand plans are equally good, and peers search for long
IMPORT_MARGIN, EXPORT_SHARE = 1.12, 0.45  # of the largest load
OUR_REPEATS, REPEATS, FEW = 9, 3, 100  # a peer is asked once where it takes long
TOLERANCE_KW = 0.05  # solvers' feasibility, summed over a connection
SIZES: dict[str, dict[str, tuple[int, ...]]] = {
    "all": {"one_way": (100, 1000), "two_way": (100, 300)},  # the two-way ones take a peer minutes
    "quick": {"one_way": (100,), "two_way": ()},
}
CHECKED = ("charge_kw", "discharge_kw", "min_kwh", "max_kwh", "initial_kwh", "end_kwh", "eta_in", "eta_out")
SAME_COST = ("<=", 1e-3)
GOALS = {
    f"flexmeasures_{way}_{assets}_{name}": goal
    for way, assets, times in (("one_way", 100, 15), ("one_way", 1000, 30), ("two_way", 100, 280), ("two_way", 300, 320))
    for name, goal in (("cpu_ratio", (">=", times)), ("cost_above_ratio", SAME_COST))
}


@dataclass(frozen=True)
class Peer:
    """A peer, the script that it runs, the variable that names its interpreter, and how it is installed."""

    name: str
    script: str
    variable: str
    install: str


PEERS = (
    Peer(
        "flexmeasures",
        "flexmeasures_storage.py",
        "VPP_PEER_FLEXMEASURES",
        "python -m venv DIR; DIR/bin/pip install 'flexmeasures==1.0.*'",
    ),
    Peer("emhass", "emhass_storage.py", "VPP_PEER_EMHASS", "python -m venv DIR; DIR/bin/pip install emhass"),
)


@dataclass(frozen=True)
class StorageCase:
    """Prices and load (n,), batteries (N,): charge and discharge [kW], bounds and levels [kWh]; `end_kwh` or more in the end."""

    hours: float
    import_limit_kw: float
    export_limit_kw: float
    load_kw: list[float]
    buy_cny_per_kwh: list[float]
    sell_cny_per_kwh: list[float]
    charge_kw: list[float]
    discharge_kw: list[float]
    min_kwh: list[float]
    max_kwh: list[float]
    initial_kwh: list[float]
    end_kwh: list[float]
    eta_in: list[float]
    eta_out: list[float]

    @property
    def assets(self) -> int:
        return len(self.charge_kw)


def storage_case(assets: int, *, two_way: bool, seed: int) -> StorageCase:
    """Seeded; one-way batteries end fuller than they begin, and the connection is wide enough for it."""
    rng = np.random.default_rng(seed)
    stores = draw.storage(rng, assets, 1)
    load = LOAD_KW_PER_ASSET * assets * day_course() * rng.uniform(0.93, 1.07, draw.PERIODS)
    buy = price.time_of_use() + rng.uniform(0.0, OWN_CNY_PER_KWH, draw.PERIODS)
    end = stores.end_kwh if two_way else stores.initial_kwh + rng.uniform(0.3, 0.9, assets) * (stores.max_kwh - stores.initial_kwh)
    return StorageCase(
        hours=draw.HOURS,
        import_limit_kw=float(IMPORT_MARGIN * load.max()),
        export_limit_kw=float(EXPORT_SHARE * load.max()),
        load_kw=load.tolist(),
        buy_cny_per_kwh=buy.tolist(),
        sell_cny_per_kwh=price.feed_in(price.spot(rng), buy).tolist(),
        charge_kw=stores.charge_kw.tolist(),
        discharge_kw=(stores.discharge_kw if two_way else np.zeros(assets)).tolist(),
        min_kwh=stores.min_kwh.tolist(),
        max_kwh=stores.max_kwh.tolist(),
        initial_kwh=stores.initial_kwh.tolist(),
        end_kwh=end.tolist(),
        eta_in=stores.eta_in.tolist(),
        eta_out=stores.eta_out.tolist(),
    )


def day_course() -> np.ndarray:
    """(n,) share of the largest load: nearly half by night, all of it at noon."""
    hour = price.hours_of_day()
    inside = (hour > 5.5) & (hour < 19.5)
    return 0.45 + 0.55 * np.where(inside, np.clip(np.sin((hour - 5.5) / 14 * np.pi), 0.0, 1.0) ** 0.8, 0.0)


def as_fleet(case: StorageCase) -> FleetProblem:
    """The case in the optimiser's own columns: one site with nothing that moves but its batteries."""
    n, none, zero = len(case.load_kw), np.random.default_rng(0), np.zeros(1)
    columns = ("charge_kw", "discharge_kw", "min_kwh", "max_kwh", "initial_kwh", "end_kwh", "eta_in", "eta_out")
    batteries = draw.stores(
        np.zeros(case.assets, dtype=np.int64),
        **{name: np.array(getattr(case, name)) for name in columns},
        wear_cny_per_kwh=np.zeros(case.assets),
    )
    sites = Sites(
        fixed_injection_kw=-np.array([case.load_kw]),
        generation_kw=np.zeros((1, n)),
        buy_cny_per_kwh=np.array([case.buy_cny_per_kwh]),
        sell_cny_per_kwh=np.array([case.sell_cny_per_kwh]),
        import_limit_kw=np.array([case.import_limit_kw]),
        export_limit_kw=np.array([case.export_limit_kw]),
        export_share_ratio=np.array([np.inf]),
        demand_price_cny_per_kw=zero,
        peak_so_far_kw=zero,
        export_credit_kwh=zero,
    )
    return FleetProblem(
        hours=case.hours,
        sites=sites,
        stores=batteries,
        fills=draw.one_way_cars(none, 0, 1),
        calls=draw.loads(none, 0, 1),
        market=no_market(n),
        groups=no_groups(n),
        profiles=no_profiles(n),
    )


@dataclass(frozen=True)
class Answer:
    """Seconds are of one solve, medians; `worst_kw` is the largest break of any limit, energies as kW over a period."""

    cost_cny: float
    cpu_seconds: float
    wall_seconds: float
    worst_kw: float
    detail: str


def cost_cny(case: StorageCase, consumption_kw: np.ndarray) -> float:
    """What the works pays, whoever planned it; consumption_kw (N, n) of the batteries, discharge negative."""
    net = np.array(case.load_kw) + consumption_kw.sum(axis=0)
    paid = np.array(case.buy_cny_per_kwh) @ np.maximum(net, 0.0) - np.array(case.sell_cny_per_kwh) @ np.maximum(-net, 0.0)
    return case.hours * float(paid)


def worst_break_kw(case: StorageCase, consumption_kw: np.ndarray) -> float:
    """By how much the answer breaks its worst limit [kW; kWh over a period's hours]."""
    column = {name: np.array(getattr(case, name))[:, None] for name in CHECKED}
    inward, outward = np.maximum(consumption_kw, 0.0), np.maximum(-consumption_kw, 0.0)
    level = column["initial_kwh"] + case.hours * np.cumsum(column["eta_in"] * inward - outward / column["eta_out"], axis=1)
    net = np.array(case.load_kw) + consumption_kw.sum(axis=0)
    breaks = (
        inward - column["charge_kw"],
        outward - column["discharge_kw"],
        (column["min_kwh"] - level) / case.hours,
        (level - column["max_kwh"]) / case.hours,
        (column["end_kwh"] - level[:, -1:]) / case.hours,
        net - case.import_limit_kw,
        -net - case.export_limit_kw,
    )
    return max(float(part.max()) for part in breaks)


def our_answer(case: StorageCase) -> Answer:
    """Fleet mode on one thread, checked by the optimiser's own checker besides."""
    problem = as_fleet(case)
    wall, cpu = [], []
    for _ in range(OUR_REPEATS + 1):  # the first loads what is compiled
        began, used = time.perf_counter(), time.process_time()
        plan = plan_fleet(problem, deadline_s=TIMEOUT_S, mode="fleet")
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    consumption = -plan.moves.store_kw
    worst = np.inf if check_fleet(problem, plan) else worst_break_kw(case, consumption)
    detail = f"certified gap {plan.certificate.gap_ratio:.5f}"
    return Answer(cost_cny(case, consumption), median(cpu[1:]), median(wall[1:]), worst, detail)


def peer_answer(peer: Peer, interpreter: str, case: StorageCase, warm_up: StorageCase, *, repeats: int) -> Answer | str:
    """The peer's answer, or why there is none."""
    asked = json.dumps({"case": asdict(case), "warm_up": asdict(warm_up), "repeats": repeats})
    command = [interpreter, str(SCRIPTS / peer.script)]
    # Nothing of our environment: another Django's settings or a PYTHONPATH would change what the peer is.
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    try:
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=TIMEOUT_S, env=clean, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S:.0f} s"
    except OSError as problem:
        return f"{interpreter} cannot be run: {problem.strerror}"
    try:
        found = json.loads(done.stdout.strip().rpartition("\n")[2])
        consumption = np.array(found["consumption_kw"], dtype=float)
        seconds = median(found["cpu_seconds"]), median(found["wall_seconds"])
        detail = f"{peer.name} {found['version']}, {found['status']}, {found['peak_memory_mib']:.0f} MiB"
    except (ValueError, KeyError, TypeError):
        return f"failed: {(done.stderr.strip() or done.stdout.strip() or 'no output').splitlines()[-1][:200]}"
    if consumption.shape != (case.assets, len(case.load_kw)):
        return f"answered with {consumption.shape} instead of a course for each battery"
    return Answer(cost_cny(case, consumption), *seconds, worst_break_kw(case, consumption), detail)


def run_peers(*, seed: int, sizes: dict[str, tuple[int, ...]], progress: Progress) -> dict[str, Any]:
    """Rows of all cases that an installed peer can be asked; who is not installed is named with how to install it."""
    rows: list[dict[str, Any]] = []
    figures: dict[str, Any] = {}
    asked = {peer: os.environ.get(peer.variable, "") for peer in PEERS}
    for peer, interpreter in asked.items():
        if not interpreter:
            figures[f"peer_{peer.name}"] = f"not installed: {peer.install}; {peer.variable}=DIR/bin/python"
    installed = {peer: interpreter for peer, interpreter in asked.items() if interpreter}
    if not installed:
        return figures
    task = progress.add_task("peers", total=sum(map(len, sizes.values())) * len(installed))
    for way, counts in sizes.items():
        two_way = way == "two_way"
        warm_up = storage_case(WARM_UP, two_way=two_way, seed=seed)
        for assets in counts:
            case = storage_case(assets, two_way=two_way, seed=seed)
            ours = our_answer(case)
            for peer, interpreter in installed.items():
                theirs = peer_answer(peer, interpreter, case, warm_up, repeats=REPEATS if assets <= FEW else 1)
                row = compared(way, assets, peer.name, ours, theirs)
                rows.append(row)
                figures |= {f"{peer.name}_{way}_{assets}_{name}": row[name] for name in ("cpu_ratio", "cost_above_ratio")}
                progress.advance(task)
    return {**figures, "peers": rows}


def compared(way: str, assets: int, peer: str, ours: Answer, theirs: Answer | str) -> dict[str, Any]:
    """One row: how many times faster we are (CPU), and how much our cost lies above the peer's, as a share of it."""
    row: dict[str, Any] = {"case": way, "assets": assets, "peer": peer, "cpu_ratio": None, "cost_above_ratio": None}
    row |= {"our_cpu_s": round(ours.cpu_seconds, 4), "our_cost_cny": round(ours.cost_cny, 2), "our_worst_kw": ours.worst_kw}
    if isinstance(theirs, str):
        return {**row, "their_cpu_s": None, "their_wall_s": None, "their_cost_cny": None, "their_worst_kw": None, "detail": theirs}
    row["cost_above_ratio"] = (ours.cost_cny - theirs.cost_cny) / abs(theirs.cost_cny)
    kept = max(ours.worst_kw, theirs.worst_kw) <= TOLERANCE_KW
    row["cpu_ratio"] = theirs.cpu_seconds / ours.cpu_seconds if kept else None  # a broken limit makes no faster answer
    return {
        **row,
        "their_cpu_s": round(theirs.cpu_seconds, 3),
        "their_wall_s": round(theirs.wall_seconds, 3),
        "their_cost_cny": round(theirs.cost_cny, 2),
        "their_worst_kw": theirs.worst_kw,
        "detail": theirs.detail,
    }

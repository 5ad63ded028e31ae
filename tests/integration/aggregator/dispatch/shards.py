"""A small bench park as a fleet run, and a worker in this process that takes the jobs in the order of a test's choice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from celery import current_app

from aggregator.assets.models import Portfolio
from aggregator.dispatch.domain.fleet.problem import FleetProblem
from aggregator.dispatch.domain.fleet.shards import cut
from aggregator.dispatch.models import FleetRun, FleetShard
from aggregator.dispatch.operations import ShardInputs, begin_fleet_run
from aggregator.enterprises.models import Park
from aggregator.support.models import Job
from vpp.bench.fleet_park import BenchPark, full_park, simple_park

STARTS_AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
SITES_EACH = 5


def small_park(*, simple: bool = True) -> BenchPark:
    """400 assets at 100 sites, or with every feature at 40."""
    return simple_park(400, per_site=4) if simple else full_park(400, per_site=10)


def enterprises(problem: FleetProblem) -> np.ndarray:
    return np.arange(len(problem.sites)) // SITES_EACH


def begin(park: BenchPark, shards: int, *, reference: str = "day", seed: int = 3) -> FleetRun:
    problem = park.problem
    return begin_fleet_run(
        portfolio=portfolio(),
        reference=reference,
        starts_at=STARTS_AT,
        resolution_s=900,
        market=problem.market,
        shards=list(inputs(problem, shards)),
        seed=seed,
    )


def inputs(problem: FleetProblem, shards: int) -> Iterator[ShardInputs]:
    for k, shard in enumerate(cut(problem, enterprises(problem), shards)):
        yield ShardInputs(shard.problem, enterprises=[f"enterprise-{k}"], assets=shard.problem.n_assets)


def portfolio() -> Portfolio:
    facts = {"name_zh": "测试园区", "name_en": "Bench park", "latitude": 23.0, "longitude": 113.0, "synthetic": True}
    park, _ = Park.objects.get_or_create(code="bench", defaults=facts)
    found, _ = Portfolio.objects.get_or_create(park=park, code="all", defaults={"name_zh": "全部", "name_en": "All"})
    return found


def work(choose: Callable[[list[Job]], Job] = lambda waiting: waiting[0]) -> list[str]:
    """Run every waiting job, one at a time; their names, in order."""
    done = []
    while waiting := list(Job.objects.filter(state="pending").order_by("pk")):
        job = choose(waiting)
        current_app.tasks[job.name](job.pk)
        job.refresh_from_db()
        assert job.state == "done", job.error
        done.append(job.name.rpartition("_")[2])
    return done


def result(run: FleetRun) -> dict[str, Any]:
    """Everything that must be the same, whoever did the work."""
    run.refresh_from_db()
    shards = list(run.shards.values("number", "state", "inputs_hash", "plan_hash", "cost_cny", "safe_cost_cny", "bound_cny", "violations"))
    assert {shard["state"] for shard in shards} == {"closed"}
    money = ("cost_cny", "lower_bound_cny", "safe_cost_cny", "violations", "status", "inputs_hash")
    return {"shards": shards, "portfolio": bytes(run.portfolio_kw).hex(), **{name: getattr(run.optimisation, name) for name in money}}


def bytes_of(shard: FleetShard) -> tuple[bytes, ...]:
    return tuple(bytes(getattr(shard, name)) for name in ("inputs", "sums", "prices", "moves", "injection_kw", "generation_kw"))

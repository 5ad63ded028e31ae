"""A fleet planned in shards: one leased job per shard and step, results as rows, "all of them are done" is a query.

    summing   every shard: its assets summed for the market            any order, any number of workers
              then the market's value of a kWh, from all sums
    guiding   every shard: prices, guided sweeps, its part of the bound
    settling  shard after shard: true sweeps on the injection that the shards before left
    closing   every shard, as soon as its turn is over: flows, money, check
              then the certificate of all

A step writes its result and enqueues what follows in one transaction, under the run's lock and only while the row still waits
for it. So a job that runs twice, or outlives its lease, changes nothing.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from aggregator.assets.models import Portfolio
from aggregator.dispatch.domain.fleet.problem import FleetProblem, FleetRefused, Market
from aggregator.dispatch.domain.fleet.result import Moves
from aggregator.dispatch.domain.fleet.shard_bytes import (
    hash_of,
    pack_arrays,
    pack_problem,
    pack_record,
    unpack_arrays,
    unpack_problem,
    unpack_record,
)
from aggregator.dispatch.domain.fleet.shard_steps import Guided, closed, guided, settled, whole_plan
from aggregator.dispatch.domain.fleet.shard_sums import joined, market_price, pack_sums, shard_sums, unpack_sums
from aggregator.dispatch.models import FLEET_RUN, FLEET_SHARD, FleetRun, FleetShard, OptimisationRun
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from aggregator.support import clock, jobs
from aggregator.support.transitions import compare_and_set

SUM, PRICE, GUIDE, SETTLE, CLOSE, FINISH = (
    f"aggregator.dispatch.fleet_{step}" for step in ("sum", "price", "guide", "settle", "close", "finish")
)
LARGE = ("inputs", "sums", "prices", "moves", "generation_kw")
NAMED_VIOLATIONS = 20  # of a shard, kept by name; all are counted


class FleetRunExists(Anticipated):
    code = "dispatch.fleet_run_exists"
    text = "A fleet run %(reference)s of this portfolio exists with other inputs."
    status = 409


@dataclass(frozen=True)
class ShardInputs:
    """A shard as it is handed in; the market in its problem does not count. `assets` includes curtailable generators."""

    problem: FleetProblem
    enterprises: Sequence[str]
    assets: int


def begin_fleet_run(
    *,
    portfolio: Portfolio,
    reference: str,
    starts_at: datetime,
    resolution_s: int,
    market: Market,
    shards: Iterable[ShardInputs],
    seed: int = 0,
    deadline_s: float = 60.0,
) -> FleetRun:
    """Store the inputs, shard after shard, and enqueue the first step. The same `reference` again gives the same run.

    Raises FleetRunExists where that one has other inputs, FleetRefused where a shard does not fit the market.
    """
    packed = pack_record(market)
    fresh = FleetRun(
        portfolio=portfolio,
        reference=reference,
        starts_at=starts_at,
        resolution_s=resolution_s,
        n_periods=len(market.reference_injection_kw),
        seed=seed,
        deadline_s=deadline_s,
        market=packed,
        stage_at=clock.wall_now(),
    )
    with transaction.atomic():
        known = FleetRun.objects.filter(portfolio=portfolio, reference=reference).first()
        if known is None:
            fresh.save()
        hashes = [_stored(fresh, number, inputs, save=known is None) for number, inputs in enumerate(shards)]
        if not hashes:
            raise FleetRefused(why="there is no shard")
        fresh.n_shards = len(hashes)
        fresh.inputs_hash = fingerprint([hash_of(packed), hashes, seed, deadline_s, resolution_s, starts_at])
        if known is not None:
            if known.inputs_hash != fresh.inputs_hash:
                raise FleetRunExists(reference=reference)
            return known
        fresh.save(update_fields=["n_shards", "inputs_hash"])
        for shard in fresh.shards.only("number"):
            _enqueue(SUM, fresh, shard)
    return fresh


def sum_shard(*, shard_id: int) -> None:
    shard, began = _waiting(shard_id, "inputs", "inputs"), time.monotonic()
    if shard is None:
        return
    sums = pack_sums(shard_sums(unpack_problem(shard.inputs)))
    with _locked(shard.run_id) as run:
        if _moved(run, shard, "summed", began, sums=sums) and not run.shards.filter(state="inputs").exists():
            jobs.enqueue(name=PRICE, key=str(run.public_id), payload={"run_id": run.pk})


def price_market(*, run_id: int) -> None:
    run = FleetRun.objects.get(pk=run_id)
    if run.state != "summing":
        return
    sums = joined([unpack_sums(data) for data in run.shards.values_list("sums", flat=True)])
    prices = market_price(unpack_record(Market, run.market), sums, deadline_s=run.deadline_s)
    # Without a solver the shards are told no price, and answer with the safe plan.
    changes: dict[str, Any] = {} if prices is None else {"market_solved": prices.solved, "mu": prices.mu_cny_per_kwh.tobytes()}
    with _locked(run_id) as run:
        if run.state == "summing":
            _goes_on(run, "guiding", **changes)
            for shard in run.shards.only("number"):
                _enqueue(GUIDE, run, shard)


def guide_shard(*, shard_id: int) -> None:
    shard, began = _waiting(shard_id, "summed", "inputs"), time.monotonic()
    if shard is None:
        return
    market, seed = unpack_record(Market, shard.run.market), shard.run.seed + shard.number
    found = guided(unpack_problem(shard.inputs), market, _mu(shard.run), seed=seed)
    changes = {
        "moves": pack_record(found.moves),
        "prices": pack_arrays({"share_cny_per_kwh": found.share_cny_per_kwh, "xcap_kw": found.xcap_kw}),
        "injection_kw": found.injection_kw.tobytes(),
        "bound_cny": found.bound_cny if math.isfinite(found.bound_cny) else None,
    }
    with _locked(shard.run_id) as run:
        if _moved(run, shard, "guided", began, **changes) and not run.shards.filter(state="summed").exists():
            _goes_on(run, "settling", portfolio_kw=_sum(run, "injection_kw").tobytes())
            _enqueue(SETTLE, run, run.shards.only("number").get(number=0))


def settle_shard(*, shard_id: int) -> None:
    """The true sweeps of the shard whose turn it is."""
    shard, began = _waiting(shard_id, "guided", "inputs", "moves", "prices"), time.monotonic()
    if shard is None or shard.run.state != "settling" or shard.run.turn != shard.number:
        return
    moves, injection = unpack_record(Moves, shard.moves), np.frombuffer(shard.injection_kw)
    others = np.frombuffer(shard.run.portfolio_kw) - injection
    bound = -math.inf if shard.bound_cny is None else shard.bound_cny
    before = Guided(moves, injection, bound_cny=bound, **unpack_arrays(shard.prices))
    market, seed = unpack_record(Market, shard.run.market), shard.run.seed + shard.run.n_shards + shard.number
    moves, injection = settled(unpack_problem(shard.inputs), market, before, others_kw=others, seed=seed)
    changes = {"moves": pack_record(moves), "injection_kw": injection.tobytes()}
    with _locked(shard.run_id) as run:
        if not _moved(run, shard, "settled", began, **changes):
            return
        run.turn, run.portfolio_kw = shard.number + 1, (others + injection).tobytes()
        run.save(update_fields=["turn", "portfolio_kw"])
        _enqueue(CLOSE, run, shard)
        if run.turn < run.n_shards:
            _enqueue(SETTLE, run, run.shards.only("number").get(number=run.turn))
        else:
            _goes_on(run, "closing")


def close_shard(*, shard_id: int) -> None:
    """What the shard's stored plan leads to and costs, and what the independent checker says of these very bytes."""
    shard, began = _waiting(shard_id, "settled", "inputs", "moves"), time.monotonic()
    if shard is None:
        return
    market, mu = unpack_record(Market, shard.run.market), _mu(shard.run) if shard.bound_cny is not None else None
    found = closed(unpack_problem(shard.inputs), market, unpack_record(Moves, shard.moves), mu)
    generation = pack_arrays({"generation_kw": found.flows.generation_kw})
    changes = {
        "generation_kw": generation,
        "plan_hash": fingerprint([hash_of(shard.moves), hash_of(generation)]),
        "cost_cny": found.cost_cny,
        "safe_cost_cny": found.safe_cost_cny,
        "portfolio_kw": found.portfolio_kw.tobytes(),
        "safe_portfolio_kw": found.safe_portfolio_kw.tobytes(),
        "violations": [asdict(one) for one in found.violations[:NAMED_VIOLATIONS]],
        "n_violations": len(found.violations),
    }
    with _locked(shard.run_id) as run:
        if _moved(run, shard, "closed", began, **changes) and not run.shards.exclude(state="closed").exists():
            jobs.enqueue(name=FINISH, key=str(run.public_id), payload={"run_id": run.pk})


def finish_fleet_run(*, run_id: int, now: datetime) -> None:
    """The certificate of the whole, as an optimisation run."""
    with _locked(run_id) as run:
        if run.state != "closing":
            return
        columns = ("number", "n_assets", "n_sites", "cost_cny", "safe_cost_cny", "bound_cny", "n_violations", "plan_hash", "seconds")
        shards = list(run.shards.values(*columns))
        bounded = all(shard["bound_cny"] is not None for shard in shards)
        portfolio_kw = _sum(run, "portfolio_kw")
        certificate, found = whole_plan(
            unpack_record(Market, run.market),
            hours=run.resolution_s / 3600,
            mu_cny_per_kwh=_mu(run) if bounded else None,
            sites_cny=math.fsum(shard["cost_cny"] for shard in shards),
            safe_sites_cny=math.fsum(shard["safe_cost_cny"] for shard in shards),
            sites_bound_cny=math.fsum(shard["bound_cny"] for shard in shards) if bounded else -math.inf,
            portfolio_kw=portfolio_kw,
            safe_portfolio_kw=_sum(run, "safe_portfolio_kw"),
        )
        result = OptimisationRun(
            portfolio_id=run.portfolio_id,
            purpose="fleet",
            reference=run.reference,
            computed_at=now,
            starts_at=run.starts_at,
            resolution_s=run.resolution_s,
            n_periods=run.n_periods,
            n_assets=sum(shard["n_assets"] for shard in shards),
            n_sites=sum(shard["n_sites"] for shard in shards),
            mode="sharded",
            status="fallback" if not bounded else "at_gap" if run.market_solved else "timeout",
            solver="HiGHS" if bounded else "",
            cost_cny=certificate.cost_cny,
            lower_bound_cny=certificate.lower_bound_cny if bounded else None,
            safe_cost_cny=certificate.safe_cost_cny,
            violations=sum(shard["n_violations"] for shard in shards) + len(found),
            details={"shards": shards, "violations": [asdict(one) for one in found]},
            inputs_hash=run.inputs_hash,
        )
        _goes_on(run, "done", portfolio_kw=portfolio_kw.tobytes(), result=result)


def fail_fleet_run(*, error: str, run_id: int | None = None, shard_id: int | None = None) -> None:
    """Give the run up: a job of it has used all its attempts. What stands in rows stays to be looked at."""
    runs = FleetRun.objects.filter(pk=run_id) if shard_id is None else FleetRun.objects.filter(shards=shard_id)
    runs.filter(state__in=FLEET_RUN.sources("failed")).update(state="failed", error=error)


def _stored(run: FleetRun, number: int, inputs: ShardInputs, *, save: bool) -> str:
    """Write the shard's row; the hash of its inputs."""
    problem = inputs.problem
    if problem.periods != run.n_periods or abs(problem.hours * 3600 - run.resolution_s) > 1e-6:
        raise FleetRefused(why=f"shard {number} has other periods than the market")
    packed = pack_problem(problem)
    row = FleetShard(run=run, number=number, n_assets=inputs.assets, n_sites=len(problem.sites), enterprises=list(inputs.enterprises))
    row.inputs, row.inputs_hash = packed, hash_of(packed)
    if save:
        row.save()
    return row.inputs_hash


def _enqueue(name: str, run: FleetRun, shard: FleetShard) -> None:
    jobs.enqueue(name=name, key=f"{run.public_id} {shard.number}", payload={"shard_id": shard.pk})


def _waiting(shard_id: int, state: str, *needed: str) -> FleetShard | None:
    """The shard with its run and the byte columns that are `needed`, where it still waits in `state`."""
    others = [name for name in LARGE if name not in needed]
    shards = FleetShard.objects.select_related("run").defer(*others)
    return shards.filter(pk=shard_id, state=state).exclude(run__state="failed").first()


@contextmanager
def _locked(run_id: int) -> Iterator[FleetRun]:
    """A transaction with the run's row locked: what is seen of its shards inside stays so until the end."""
    with transaction.atomic():
        yield FleetRun.objects.select_for_update().get(pk=run_id)


def _moved(run: FleetRun, shard: FleetShard, to: str, began: float, **changes: Any) -> bool:
    """Write a step's result, unless another worker was faster or the run was given up. Call with the run locked."""
    if run.state == "failed":
        return False
    seconds = shard.seconds | {to: round(time.monotonic() - began, 3)}
    waiting = FleetShard.objects.filter(pk=shard.pk, state__in=FLEET_SHARD.sources(to))
    return bool(waiting.update(state=to, seconds=seconds, **changes))


def _goes_on(run: FleetRun, to: str, *, result: OptimisationRun | None = None, **changes: Any) -> None:
    """The next stage of a locked run. Raises TransitionRefused."""
    wall = clock.wall_now()
    stages = run.stages | {run.state: round((wall - run.stage_at).total_seconds(), 3)}
    if result is not None:
        result.stages = stages
        result.save()
        changes["optimisation"] = result
    compare_and_set(run, FLEET_RUN, to, stages=stages, stage_at=wall, **changes)


def _mu(run: FleetRun) -> np.ndarray | None:
    """(n,) value of one more kWh [CNY/kWh]; None where no solver gave it."""
    return np.frombuffer(run.mu) if run.mu else None


def _sum(run: FleetRun, column: str) -> np.ndarray:
    """(n,) of all shards, added in their order."""
    return np.sum([np.frombuffer(data) for data in run.shards.values_list(column, flat=True)], axis=0)

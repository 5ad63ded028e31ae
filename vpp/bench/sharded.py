"""A fleet in shards over separate worker processes: PostgreSQL holds the inputs and results, Redis rings, this process waits.

CPU is the workers' and this process's own for handing in the inputs; the database's is told beside it. Workers have planned a
small fleet before, so that compiled code is loaded. The park is drawn, and cut, outside the timing.
"""

import argparse
import gc
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Length
from rich.progress import Progress

from aggregator.assets.models import Portfolio
from aggregator.dispatch.domain.fleet.problem import Market
from aggregator.dispatch.domain.fleet.result import Certificate
from aggregator.dispatch.domain.fleet.shards import cut
from aggregator.dispatch.models import FLEET_RUN, FleetRun, FleetShard
from aggregator.dispatch.operations import ShardInputs, begin_fleet_run
from aggregator.enterprises.models import Park
from aggregator.support.models import Job
from vpp.bench import fleet_draws as draw
from vpp.bench.fleet_park import SEED, full_park, simple_park
from vpp.bench.memory import MIB
from vpp.bench.scratch import scratch_database
from vpp.bench.shard_watch import Watch
from vpp.bench.workers import Workers, broker_url, celery_workers

GOALS = {"violations": ("<=", 0), "growth_exponent": ("<=", 1.05)}
SHARD_ASSETS = 50_000
SITES_EACH = 4  # of an enterprise
GROWTH_FROM = 1_000
WARM_ASSETS, WARM_SHARDS = 3_200, 8
DEADLINE_S = 3600.0  # never the limit here
ENDS = ("done", "failed")
STARTS_AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
LARGE = ("inputs", "sums", "prices", "moves", "generation_kw")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assets", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, help=f"default: one for {SHARD_ASSETS:,} assets")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--full", action="store_true", help="the park with every feature instead of the simple one")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--growth", action="store_true", help=f"also {GROWTH_FROM:,}, .. assets: the exponent of CPU time")


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    if options["assets"] < GROWTH_FROM or options["workers"] < 1 or (options["shards"] or 1) < 1:
        raise CommandError(f"At least {GROWTH_FROM:,} assets, one shard and one worker.")
    broker_url()  # refuses before a database is made
    with scratch_database() as url, celery_workers(options["workers"], database_url=url) as workers:
        bench = _Bench(options, workers, progress)
        bench.planned(WARM_ASSETS, WARM_SHARDS, name="warm-up")
        sizes = [GROWTH_FROM * 10**k for k in range(9) if GROWTH_FROM * 10**k < options["assets"]] if options["growth"] else []
        seconds = {size: bench.planned(size, None, name=f"{size:,} assets")["cpu_seconds"] for size in sizes}
        figures = bench.planned(options["assets"], options["shards"], name="fleet")
    return figures | (_growth(seconds | {options["assets"]: figures["cpu_seconds"]}) if sizes else {})


def _growth(seconds: dict[int, float]) -> dict[str, Any]:
    """CPU seconds by size, and the exponent of the power law from the smallest to the largest."""
    least, most = min(seconds), max(seconds)
    exponent = math.log(seconds[most] / seconds[least]) / math.log(most / least)
    return {"growth_cpu_seconds": {str(size): value for size, value in seconds.items()}, "growth_exponent": round(exponent, 3)}


class _Bench:
    """A scratch database with a portfolio, and workers that plan for it."""

    def __init__(self, options: dict[str, Any], workers: Workers, progress: Progress) -> None:
        self.options, self.workers, self.progress = options, workers, progress
        names = {"name_zh": "测试园区", "name_en": "Bench park"}
        park = Park.objects.create(code="bench", province="guangdong", latitude=23.0, longitude=113.0, synthetic=True, **names)
        self.portfolio = Portfolio.objects.create(park=park, code="bench", **names)

    def planned(self, assets: int, shards: int | None, *, name: str) -> dict[str, Any]:
        """Figures of one fleet, from handing in its inputs to the certificate in its row."""
        market, parts = self._drawn(assets, shards or math.ceil(assets / SHARD_ASSETS))
        task = self.progress.add_task(name, total=len(FLEET_RUN.states))
        watch = Watch(self.workers)
        fleet = begin_fleet_run(
            portfolio=self.portfolio,
            reference=name,
            starts_at=STARTS_AT,
            resolution_s=900,
            market=market,
            shards=_handed_in(parts),
            seed=self.options["seed"],
            deadline_s=DEADLINE_S,
        )
        gc.collect()
        watch.handed_in()
        while fleet.state not in ENDS:
            watch.look()
            fleet.refresh_from_db(fields=["state", "error"])
            self.progress.update(task, completed=FLEET_RUN.states.index(fleet.state) + 1)
        if fleet.state == "failed":
            raise CommandError(f"The run failed: {fleet.error[-2000:]}")
        fleet.refresh_from_db()
        return _figures(fleet, self.options) | watch.figures() | _rows(fleet)

    def _drawn(self, assets: int, shards: int) -> tuple[Market, list[ShardInputs]]:
        park = (full_park if self.options["full"] else simple_park)(assets, seed=self.options["seed"])
        n_sites = len(park.problem.sites)
        generators = np.bincount(draw.spread(park.pv, n_sites), minlength=n_sites)
        parts = cut(park.problem, np.arange(n_sites) // SITES_EACH, shards)
        inputs = [
            ShardInputs(
                part.problem,
                enterprises=[f"enterprise-{k}" for k in np.unique(part.sites // SITES_EACH).tolist()],
                assets=part.problem.n_assets + int(generators[part.sites].sum()),
            )
            for part in parts
        ]
        return park.problem.market, inputs


def _handed_in(parts: list[ShardInputs]) -> Iterator[ShardInputs]:
    """Each is forgotten as soon as it is stored."""
    while parts:
        yield parts.pop(0)


def _figures(fleet: FleetRun, options: dict[str, Any]) -> dict[str, Any]:
    found = fleet.optimisation
    assert found is not None
    bound = -math.inf if found.lower_bound_cny is None else found.lower_bound_cny
    certificate = Certificate(found.cost_cny, bound, found.safe_cost_cny or 0.0)
    work = [shard["seconds"] for shard in found.details["shards"]]
    return {
        "assets": found.n_assets,
        "periods": found.n_periods,
        "sites": found.n_sites,
        "shards": fleet.n_shards,
        "workers": options["workers"],
        "park": "full" if options["full"] else "simple",
        "seed": fleet.seed,
        "mode": found.mode,
        "status": found.status,
        "objective_cny": found.cost_cny,
        "lower_bound_cny": found.lower_bound_cny,
        "gap_ratio": certificate.gap_ratio,
        "flexibility_gap_ratio": certificate.flexibility_gap_ratio,
        "violations": found.violations,
        "stages": found.stages,
        "seconds_of_a_shard": {step: round(median(one[step] for one in work), 3) for step in work[0]},
    }


def _rows(fleet: FleetRun) -> dict[str, Any]:
    """What the run left in the database: bytes by column, bytes on disk with what updates left behind, and jobs, one message each."""
    sizes = fleet.shards.aggregate(**{name: Sum(Length(name)) for name in LARGE})
    tables = [FleetShard._meta.db_table, FleetRun._meta.db_table]
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_total_relation_size(name)) FROM unnest(%s::regclass[]) name", [tables])
        on_disk = int(cursor.fetchone()[0])
    return {
        "column_mib": {name: round(size / MIB, 2) for name, size in sizes.items()},
        "disk_mib": round(on_disk / MIB, 1),
        "messages": Job.objects.filter(key__startswith=str(fleet.public_id)).count(),
    }

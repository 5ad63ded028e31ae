"""Telemetry on PostgreSQL with many rows present: staged upsert, HTTP with two web workers, a replay.

A point is (asset, minute, power, state of charge). A post is what a gateway of 100 assets sends for ten
minutes: 100 series x 10 values = 1,000 points (and, as a second figure, 100 minutes = 10,000 points).
Every rate is the median of rounds, p50 and p99 are over the posts of all rounds; the reference is
Django's own bulk_create upsert in the same run.
"""

import argparse
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
import orjson
from django.db import connection, transaction
from rich.progress import Progress

from aggregator.support import clock
from aggregator.telemetry.domain import Points, SeriesIn
from aggregator.telemetry.models import TelemetrySample
from aggregator.telemetry.operations import ingest
from aggregator.telemetry.operations._staging import upsert
from aggregator.telemetry.partitions import TABLE
from vpp.bench.scratch import scratch_database
from vpp.bench.telemetry_park import ASSETS, ASSETS_EACH, GATEWAYS, STEP_S, BenchPark
from vpp.bench.web import THREADS, WORKERS, Post, send, web_server

GOALS = {
    "points_per_second": (">=", 100_000),
    "http_points_per_second": (">=", 100_000),
    "p99_ms": ("<=", 100),
    "rows_added_by_replay": ("<=", 0),
}
POST_MINUTES = 10
LARGE_POST_MINUTES = 100
LARGE_POSTS_PART = 10  # one large post for so many of the others: the same number of points
BATCH_MINUTES = 100
STAGED_BATCHES = 4
CLIENTS = 3  # one more than web workers: both are busy, at most one post waits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows that are present before anything is measured")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement; the median counts")
    parser.add_argument("--posts", type=int, default=400, help="HTTP posts of 1,000 points in a round")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="posts under way at once")


def _committed(points: Points, received_at: datetime) -> int:
    with transaction.atomic():
        return upsert(points=points, received_at=received_at)


def _rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE}")
        return int(cursor.fetchone()[0])


def _bytes() -> int:
    """Heap, indexes and all of every partition (the parent itself holds nothing)."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('{TABLE}')")
        return int(cursor.fetchone()[0])


def _fill(park: BenchPark, rows: int, progress: Progress) -> None:
    """Each sender's first minutes, by the staged COPY in large pieces."""
    minutes = rows // ASSETS
    task = progress.add_task(f"{rows:,} rows present", total=rows)
    for sender in park.senders:
        while sender.minute < minutes:
            points = park.points(sender=sender, minutes=min(2_000, minutes - sender.minute))
            progress.advance(task, _committed(points, clock.wall_now()))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLE}")


def _staged(park: BenchPark, rounds: int, progress: Progress) -> float:
    """Points a second of the staged upsert, new points in batches of 10,000."""
    task = progress.add_task("staged upsert", total=rounds)
    rates = []
    for _ in range(rounds):
        batches = [park.points(sender=sender, minutes=BATCH_MINUTES) for sender in park.senders for _ in range(STAGED_BATCHES)]
        began = time.perf_counter()
        written = sum(_committed(batch, clock.wall_now()) for batch in batches)
        rates.append(written / (time.perf_counter() - began))
        progress.advance(task)
    return median(rates)


def _whole_ingest(park: BenchPark, rounds: int, progress: Progress) -> float:
    """Points a second of the use case itself: identity, column checks, upsert, late points, sign of life."""
    task = progress.add_task("ingest()", total=rounds)
    rates = []
    for _ in range(rounds):
        posts = [(one, [SeriesIn(**row) for row in park.series(sender=one, minutes=BATCH_MINUTES)]) for one in park.senders]
        began = time.perf_counter()
        written = sum(ingest(gateway=sender.facts, series=series, received_at=clock.wall_now()).accepted for sender, series in posts)
        rates.append(written / (time.perf_counter() - began))
        progress.advance(task)
    return median(rates)


def _reference(park: BenchPark, rounds: int, progress: Progress) -> float:
    """Points a second of Django's bulk_create with upsert, same batches."""
    task = progress.add_task("Django bulk_create upsert", total=rounds)
    fields = ["injection_kw", "soc_ratio", "resolution_s", "quality", "received_at"]
    rates = []
    for _ in range(rounds):
        points = park.points(sender=park.senders[0], minutes=BATCH_MINUTES)
        columns = (points.asset_id, points.at_us, points.injection_kw, points.soc_ratio)
        began = time.perf_counter()
        received_at = clock.wall_now()
        rows = [
            TelemetrySample(
                asset_id=asset_id,
                at=datetime.fromtimestamp(us / 1e6, UTC),
                injection_kw=kw,
                soc_ratio=soc,
                resolution_s=STEP_S,
                quality=0,
                received_at=received_at,
            )
            for asset_id, us, kw, soc in zip(*(column.tolist() for column in columns), strict=True)
        ]
        TelemetrySample.objects.bulk_create(
            rows, batch_size=5_000, update_conflicts=True, unique_fields=["asset_id", "at"], update_fields=fields
        )
        rates.append(len(rows) / (time.perf_counter() - began))
        progress.advance(task)
    return median(rates)


def _posts(park: BenchPark, count: int, minutes: int) -> list[Post]:
    chosen = [park.senders[k % GATEWAYS] for k in range(count)]
    return [
        Post(sender.api_key, orjson.dumps({"series": park.series(sender=sender, minutes=minutes)}), ASSETS_EACH * minutes)
        for sender in chosen
    ]


@dataclass
class _Http:
    """What rounds of posts of one size took."""

    sent: list[Post] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)

    def add(self, posts: list[Post], seconds: float, waits_ms: list[float]) -> None:
        self.sent += posts
        self.rates.append(sum(post.points for post in posts) / seconds)
        self.waits_ms += waits_ms

    def percentile_ms(self, percent: int) -> float:
        return round(float(np.percentile(self.waits_ms, percent)), 1)


def _over_http(park: BenchPark, port: int, options: dict[str, Any], minutes: int, count: int, progress: Progress) -> _Http:
    task = progress.add_task(f"HTTP, {ASSETS_EACH * minutes:,} points a post", total=options["rounds"])
    send(port=port, posts=_posts(park, 2 * GATEWAYS, minutes), key="accepted", clients=options["clients"])  # workers start and connect
    found = _Http()
    for _ in range(options["rounds"]):
        posts = _posts(park, count, minutes)
        found.add(posts, *send(port=port, posts=posts, key="accepted", clients=options["clients"]))
        progress.advance(task)
    return found


def _told(minutes: int, found: _Http) -> str:
    return f"{ASSETS_EACH} series x {minutes} values = {ASSETS_EACH * minutes:,} points, {len(found.sent[0].body):,} bytes of JSON"


def _minutes_needed(options: dict[str, Any]) -> int:
    """Minutes that each sender tells in all, a warm-up of everything included."""
    posts = max(options["posts"], 2 * GATEWAYS) // GATEWAYS + 1
    large = max(options["posts"] // LARGE_POSTS_PART, 2 * GATEWAYS) // GATEWAYS + 1
    a_round = (STAGED_BATCHES + 2) * BATCH_MINUTES + posts * POST_MINUTES + large * LARGE_POST_MINUTES
    return options["rows"] // ASSETS + (options["rounds"] + 1) * a_round + 60


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """All figures; keys and goals as in GOALS, the others say what was measured beside them."""
    rounds, load = options["rounds"], os.getloadavg()[0]
    large_posts = max(1, options["posts"] // LARGE_POSTS_PART)
    with scratch_database() as url:
        park = BenchPark(minutes=_minutes_needed(options))
        _fill(park, options["rows"], progress)
        rows_present = _rows()
        staged = _staged(park, rounds, progress)
        whole = _whole_ingest(park, rounds, progress)
        with web_server(database_url=url) as port:
            small = _over_http(park, port, options, POST_MINUTES, options["posts"], progress)
            large = _over_http(park, port, options, LARGE_POST_MINUTES, large_posts, progress)
            again = small.sent + large.sent
            before = _rows(), _bytes()
            task = progress.add_task("replay of the same posts", total=1)
            seconds, _ = send(port=port, posts=again, key="duplicates", clients=options["clients"])
            progress.advance(task)
            after = _rows(), _bytes()
        reference = _reference(park, rounds, progress)
    return {
        "points_per_second": round(staged),
        "http_points_per_second": round(median(small.rates)),
        "p99_ms": small.percentile_ms(99),
        "rows_added_by_replay": after[0] - before[0],
        "bytes_added_by_replay": after[1] - before[1],
        "p50_ms": small.percentile_ms(50),
        "post": _told(POST_MINUTES, small),
        "posts": len(small.sent),
        "large_http_points_per_second": round(median(large.rates)),
        "large_p99_ms": large.percentile_ms(99),
        "large_p50_ms": large.percentile_ms(50),
        "large_post": _told(LARGE_POST_MINUTES, large),
        "large_posts": len(large.sent),
        "replay_points_per_second": round(sum(post.points for post in again) / seconds),
        "ingest_points_per_second": round(whole),
        "reference_bulk_create_points_per_second": round(reference),
        "rows_present": rows_present,
        "clients": options["clients"],
        "web_workers": WORKERS,
        "web_threads_each": THREADS,
        "cpus": os.cpu_count(),
        "load_at_start": round(load, 1),
    }

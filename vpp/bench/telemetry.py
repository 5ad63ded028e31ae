"""Telemetry on PostgreSQL with many rows present: staged upsert, HTTP with two web workers, a replay.

A point is (asset, minute, power, state of charge). Every figure is the median of rounds; the
reference is Django's own bulk_create upsert in the same run.
"""

import argparse
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import numpy as np
import orjson
from django.db import connection, transaction
from rich.progress import Progress

from aggregator.assets.models import Asset
from aggregator.enterprises.models import Enterprise, Park, Site
from aggregator.gateways.domain import GatewayFacts
from aggregator.gateways.models import Channel
from aggregator.gateways.operations import issue_credentials, register_gateway
from aggregator.gateways.queries import gateway
from aggregator.support import clock
from aggregator.telemetry.domain import Points, SeriesIn
from aggregator.telemetry.models import TelemetrySample
from aggregator.telemetry.operations import ingest
from aggregator.telemetry.operations._staging import upsert
from aggregator.telemetry.partitions import TABLE, ensure_partitions
from vpp.bench.scratch import scratch_database

GOALS = {
    "points_per_second": (">=", 100_000),
    "http_points_per_second": (">=", 100_000),
    "p99_ms": ("<=", 100),
    "rows_added_by_replay": ("<=", 0),
}
GATEWAYS = 10
ASSETS_EACH = 100
ASSETS = GATEWAYS * ASSETS_EACH
STEP_S = 60
MINUTES_OF_POSTS = (10, 20, 50, 100)  # times 100 assets: 1,000 to 10,000 points a post
BATCH_MINUTES = 100
WORKERS = 2
SPEC = {"energy_kwh": 2000, "charge_kw": 1000, "discharge_kw": 1000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows that are present before anything is measured")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement; the median counts")
    parser.add_argument("--posts", type=int, default=120, help="HTTP posts in a round")


@dataclass
class _Sender:
    """A gateway, its assets and the minute up to which it has told."""

    facts: GatewayFacts
    api_key: str
    asset_ids: np.ndarray
    public_ids: list[str]
    minute: int = 0


class _World:
    """The scratch park, and made-up but repeatable values of any asset at any minute."""

    def __init__(self, *, minutes: int) -> None:
        self.starts_at = (clock.wall_now() - timedelta(minutes=minutes)).astimezone(UTC).replace(second=0, microsecond=0)
        self.random = np.random.default_rng(7)
        self.senders = _senders()
        days = {(self.starts_at + timedelta(minutes=k)).date() for k in range(0, minutes + 1440, 720)}
        ensure_partitions(days=days)

    def values(self, minutes: int) -> tuple[np.ndarray, np.ndarray]:
        """Power [kW] and state of charge of a sender's assets, (assets, minutes)."""
        return self.random.normal(0, 300, (ASSETS_EACH, minutes)).round(1), self.random.random((ASSETS_EACH, minutes)).round(3)

    def points(self, sender: _Sender, minutes: int) -> Points:
        """The sender's next minutes as checked points."""
        kw, soc = self.values(minutes)
        first_us = int((self.starts_at + timedelta(minutes=sender.minute)).timestamp()) * 1_000_000
        sender.minute += minutes
        n = ASSETS_EACH * minutes
        return Points(
            asset_id=np.repeat(sender.asset_ids, minutes),
            at_us=np.tile(first_us + STEP_S * 1_000_000 * np.arange(minutes), ASSETS_EACH),
            injection_kw=kw.ravel(),
            soc_ratio=soc.ravel(),
            resolution_s=np.full(n, STEP_S, dtype=np.int16),
            quality=np.zeros(n, dtype=np.int16),
        )

    def series(self, sender: _Sender, minutes: int) -> list[dict[str, Any]]:
        """The sender's next minutes as it would post them."""
        kw, soc = self.values(minutes)
        starts_at = (self.starts_at + timedelta(minutes=sender.minute)).isoformat()
        sender.minute += minutes
        rows = zip(sender.public_ids, kw.tolist(), soc.tolist(), strict=True)
        return [{"asset": asset, "starts_at": starts_at, "resolution_s": STEP_S, "injection_kw": p, "soc_ratio": s} for asset, p, s in rows]


def _senders() -> list[_Sender]:
    names = {"name_zh": "bench", "name_en": "bench"}
    park = Park.objects.create(
        code="bench", province="LN", latitude=41.8, longitude=123.4, synthetic=True, manifest_sha256="0" * 64, **names
    )
    enterprise = Enterprise.objects.create(park=park, code="bench", **names)
    senders = []
    for k in range(GATEWAYS):
        site = Site.objects.create(
            enterprise=enterprise, code=f"site-{k}", import_limit_kw=1e6, export_limit_kw=1e6, tariff_class="bench", **names
        )
        gateway_id = register_gateway(site_id=site.pk, code=f"gateway-{k}")
        key = issue_credentials(gateway_id=gateway_id).api_key
        assets = Asset.objects.bulk_create(
            Asset(site=site, code=f"storage-{k}-{n}", kind="storage", spec=SPEC, **names) for n in range(ASSETS_EACH)
        )
        Channel.objects.bulk_create(Channel(gateway_id=gateway_id, asset=asset) for asset in assets)
        ids, public_ids = np.array([asset.pk for asset in assets]), [str(asset.public_id) for asset in assets]
        senders.append(_Sender(gateway(gateway_id=gateway_id), key, ids, public_ids))
    return senders


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


def _fill(world: _World, rows: int, progress: Progress) -> None:
    """Each sender's first minutes, by the staged COPY in large pieces."""
    minutes = rows // ASSETS
    task = progress.add_task(f"{rows:,} rows present", total=rows)
    for sender in world.senders:
        while sender.minute < minutes:
            progress.advance(task, _committed(world.points(sender, min(2_000, minutes - sender.minute)), clock.wall_now()))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLE}")


def _staged(world: _World, rounds: int, progress: Progress) -> float:
    """Points a second of the staged upsert, new points in batches of 10,000."""
    task = progress.add_task("staged upsert", total=rounds)
    rates = []
    for _ in range(rounds):
        batches = [world.points(sender, BATCH_MINUTES) for sender in world.senders for _ in range(4)]
        began = time.perf_counter()
        written = sum(_committed(batch, clock.wall_now()) for batch in batches)
        rates.append(written / (time.perf_counter() - began))
        progress.advance(task)
    return median(rates)


def _whole_ingest(world: _World, rounds: int, progress: Progress) -> float:
    """Points a second of the use case itself: identity, column checks, upsert, late points, sign of life."""
    task = progress.add_task("ingest()", total=rounds)
    rates = []
    for _ in range(rounds):
        posts = [(sender, [SeriesIn(**row) for row in world.series(sender, BATCH_MINUTES)]) for sender in world.senders]
        began = time.perf_counter()
        written = sum(ingest(gateway=sender.facts, series=series, received_at=clock.wall_now()).accepted for sender, series in posts)
        rates.append(written / (time.perf_counter() - began))
        progress.advance(task)
    return median(rates)


def _reference(world: _World, rounds: int, progress: Progress) -> float:
    """Points a second of Django's bulk_create with upsert, same batches."""
    task = progress.add_task("Django bulk_create upsert", total=rounds)
    fields = ["injection_kw", "soc_ratio", "resolution_s", "quality", "received_at"]
    rates = []
    for _ in range(rounds):
        points = world.points(world.senders[0], BATCH_MINUTES)
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


@contextmanager
def _web(database_url: str) -> Iterator[int]:
    """The product's own WSGI application under gunicorn; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    own = {"DATABASE_URL": database_url, "VPP_ALLOW_EMBEDDED": "1", "VPP_ALLOW_TWIN": "0", "VPP_HTTPS_ONLY": "0", "DEBUG": "0"}
    command = [sys.executable, "-m", "gunicorn", "vpp.wsgi:application", "--workers", str(WORKERS), "--log-level", "error"]
    server = subprocess.Popen(
        [*command, "--bind", f"fd://{listener.fileno()}"],
        env={**os.environ, **own},
        pass_fds=[listener.fileno()],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield listener.getsockname()[1]
    finally:
        server.terminate()
        server.wait(timeout=30)
        listener.close()


@dataclass(frozen=True)
class _Post:
    api_key: str
    body: bytes
    points: int


def _posts(world: _World, count: int) -> list[_Post]:
    found = []
    for k in range(count):
        sender, minutes = world.senders[k % GATEWAYS], MINUTES_OF_POSTS[k // GATEWAYS % len(MINUTES_OF_POSTS)]
        found.append(_Post(sender.api_key, orjson.dumps({"series": world.series(sender, minutes)}), ASSETS_EACH * minutes))
    return found


def _send(port: int, posts: list[_Post], key: str) -> tuple[float, list[float]]:
    """Send all posts over WORKERS connections at once; returns seconds, and milliseconds of each post.

    Every answer must count the points of its post under `key` (accepted or duplicates).
    """
    waits: list[float] = []
    wrong: list[str] = []

    def client(mine: list[_Post]) -> None:
        for post in mine:
            began = time.perf_counter()
            caller = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            caller.request(
                "POST", "/api/v1/telemetry", post.body, {"Authorization": f"Bearer {post.api_key}", "Content-Type": "application/json"}
            )
            answer = caller.getresponse()
            text = answer.read()
            caller.close()
            waits.append((time.perf_counter() - began) * 1000)
            if answer.status != 200 or orjson.loads(text)[key] != post.points:
                wrong.append(f"{answer.status} {text[:300]!r}")

    threads = [threading.Thread(target=client, args=(posts[k::WORKERS],)) for k in range(WORKERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(f"{len(wrong)} posts were not answered as they should be, the first: {wrong[0]}")
    return time.perf_counter() - began, waits


def run(*, options: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """All figures; keys and goals as in GOALS, the others say what was measured beside them."""
    rounds, rows = options["rounds"], options["rows"]
    per_round = (4 + 1) * BATCH_MINUTES + options["posts"] // GATEWAYS * max(MINUTES_OF_POSTS) + BATCH_MINUTES
    with scratch_database() as url:
        world = _World(minutes=rows // ASSETS + (rounds + 1) * per_round + 60)
        _fill(world, rows, progress)
        rows_present = _rows()
        staged = _staged(world, rounds, progress)
        whole = _whole_ingest(world, rounds, progress)
        with _web(url) as port:
            task = progress.add_task(f"HTTP, {WORKERS} workers", total=rounds)
            _send(port, _posts(world, 2 * GATEWAYS), "accepted")  # workers start and connect
            sent: list[_Post] = []
            rates, waits = [], []
            for _ in range(rounds):
                posts = _posts(world, options["posts"])
                seconds, milliseconds = _send(port, posts, "accepted")
                rates.append(sum(post.points for post in posts) / seconds)
                waits += milliseconds
                sent += posts
                progress.advance(task)
            before = _rows(), _bytes()
            task = progress.add_task("replay of the same posts", total=1)
            seconds, _ = _send(port, sent, "duplicates")
            progress.advance(task)
            after = _rows(), _bytes()
        reference = _reference(world, rounds, progress)
    return {
        "points_per_second": round(staged),
        "http_points_per_second": round(median(rates)),
        "p99_ms": round(float(np.percentile(waits, 99)), 1),
        "rows_added_by_replay": after[0] - before[0],
        "bytes_added_by_replay": after[1] - before[1],
        "p50_ms": round(float(np.percentile(waits, 50)), 1),
        "replay_points_per_second": round(sum(post.points for post in sent) / seconds),
        "ingest_points_per_second": round(whole),
        "reference_bulk_create_points_per_second": round(reference),
        "rows_present": rows_present,
        "posts": len(sent),
        "points_per_post": [ASSETS_EACH * minutes for minutes in MINUTES_OF_POSTS],
        "web_workers": WORKERS,
    }

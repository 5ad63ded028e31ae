"""Jobs: write the intent, ring the bell on commit, claim with a lease, sweep what is due.

A job's handler is an ordinary function `handler(payload, *, now) -> dict | None`. It may run twice
(a worker may die after its commit, or outlive its lease), so it must be idempotent.
"""

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import current_app, shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from kombu.exceptions import OperationalError as BrokerAway

from aggregator.kernel.errors import Anticipated
from aggregator.support import clock
from aggregator.support.alarms import clear_alarm, raise_alarm
from aggregator.support.models import Job

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
RETRY_SECONDS = (2, 10, 60, 300)
RING_AGAIN_S = 5
LONGEST_SILENCE_S = 900
RINGS_PER_SWEEP = 1000
UNFINISHED = ("pending", "running")

Handler = Callable[..., dict[str, Any] | None]
OnDead = Callable[[dict[str, Any], str], None]


class TryLater(Anticipated):
    """A handler's refusal that time may mend (what it needs has not arrived yet): retried, then dead."""

    code = "job.try_later"
    text = "What this work needs has not arrived yet."
    status = 503


def enqueue(*, name: str, key: str, payload: dict[str, Any] | None = None) -> Job:
    """Intend to run task `name` once per `key`; asking again changes nothing.

    Raises KeyError at once where no such task is registered.
    """
    task = current_app.tasks[name]
    wall = clock.wall_now()
    try:
        with transaction.atomic():
            job = Job.objects.create(name=name, key=key, payload=payload or {}, due_at=wall, ring_at=wall + timedelta(seconds=RING_AGAIN_S))
    except IntegrityError:
        return Job.objects.get(name=name, key=key)
    transaction.on_commit(lambda: _ring(task, job.pk))
    return job


def revive(*, name: str, key: str) -> bool:
    """Give a dead or waiting job all its attempts back and ring it now. False where there is no such job."""
    task = current_app.tasks[name]
    wall = clock.wall_now()
    revived = Job.objects.filter(name=name, key=key, state__in=("dead", "pending")).update(
        state="pending", attempts=0, due_at=wall, ring_at=wall + timedelta(seconds=RING_AGAIN_S), lease_until=None, finished_at=None
    )
    if not revived:
        return False
    job = Job.objects.get(name=name, key=key)
    clear_alarm(kind="job.dead", key=_alarm_key(job), at=clock.now())
    transaction.on_commit(lambda: _ring(task, job.pk))
    return True


def ring_on_commit(name: str) -> None:
    """Ring a task that finds its own work in rows (an outbox). A lost ring costs one sweep, nothing else."""
    task = current_app.tasks[name]
    transaction.on_commit(lambda: _ring(task))


def _ring(task: Any, *args: int) -> None:
    try:
        task.apply_async(args)
    except (OSError, BrokerAway) as problem:
        # The broker is away. The row stands; the sweeper rings again.
        logger.warning("%s%s could not be rung: %s", task.name, args, problem)


def job_task(name: str, *, on_dead: OnDead | None = None, leases: int = 1) -> Callable[[Handler], Handler]:
    """Register `handler` as the Celery task `name`, run through the claim and lease of its row.

    `on_dead(payload, error)` is called, in the same transaction, when the job is given up.
    `leases`: how many times the usual lease the work may take before another worker repeats it.
    """

    def register(handler: Handler) -> Handler:
        @shared_task(name=name)
        def ring(job_id: int) -> None:
            run(job_id, handler, on_dead=on_dead, leases=leases)

        return handler

    return register


def run(job_id: int, handler: Handler, *, on_dead: OnDead | None = None, leases: int = 1) -> None:
    """Claim the row and run its handler. A row that somebody else holds, or that is done, is left."""
    job = _claim(job_id, leases)
    if job is None:
        return
    if job.attempts > MAX_ATTEMPTS:
        # Every attempt took its worker with it: the job itself kills workers.
        _give_up(job, job.error or "no attempt came to an end", on_dead)
        return
    try:
        result = handler(job.payload, now=clock.now())
    except TryLater as early:
        _retry(job, str(early), on_dead)
    except Anticipated as refused:
        _give_up(job, str(refused), on_dead)
    except Exception:  # a worker's last line: keep the text, retry later, never lose the row
        logger.exception("job %s failed", job)
        _retry(job, traceback.format_exc(), on_dead)
    else:
        # Done is done, even where a slow run lost its lease to another one meanwhile.
        Job.objects.filter(pk=job.pk, state__in=UNFINISHED).update(
            state="done", result=result or {}, finished_at=clock.wall_now(), progress_ratio=1, error="", lease_until=None
        )


def _claim(job_id: int, leases: int) -> Job | None:
    wall = clock.wall_now()
    lease = wall + timedelta(seconds=leases * settings.VPP_JOB_LEASE_SECONDS)
    free = Q(state="pending") | Q(state="running", lease_until__lt=wall)
    claimed = Job.objects.filter(free, pk=job_id).update(
        state="running", lease_until=lease, ring_at=lease, started_at=wall, attempts=F("attempts") + 1
    )
    return Job.objects.get(pk=job_id) if claimed else None


def _release(job: Job, **changes: Any) -> bool:
    """Write an end that is not success, unless another worker has taken the row over meanwhile."""
    held = Job.objects.filter(pk=job.pk, state="running", attempts=job.attempts).update(lease_until=None, **changes)
    if not held:
        logger.warning("job %s: attempt %s ended after its lease; another worker holds the row", job, job.attempts)
    return bool(held)


def _give_up(job: Job, text: str, on_dead: OnDead | None) -> None:
    with transaction.atomic():
        if not _release(job, state="dead", error=text, finished_at=clock.wall_now()):
            return
        raise_alarm(kind="job.dead", key=_alarm_key(job), severity="critical", at=clock.now(), job=job.name, error=_last_line(text))
        if on_dead is not None:
            on_dead(job.payload, text)


def _alarm_key(job: Job) -> str:
    return f"{job.name} {job.key}"[:200]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]


def _retry(job: Job, text: str, on_dead: OnDead | None) -> None:
    if job.attempts >= MAX_ATTEMPTS:
        _give_up(job, text, on_dead)
        return
    due_at = clock.wall_now() + timedelta(seconds=RETRY_SECONDS[job.attempts - 1])
    _release(job, state="pending", error=text, due_at=due_at, ring_at=due_at)


def sweep(*, wall: datetime) -> int:
    """Ring again for every row that is due: never rung, retried, or held by a dead worker.

    A row that waits in a long queue is rung ever more rarely, so that rings do not pile up.
    """
    due = Job.objects.filter(state__in=UNFINISHED, ring_at__lte=wall).order_by("ring_at", "pk")
    rung = 0
    for job_id, name, due_at in due.values_list("pk", "name", "due_at")[:RINGS_PER_SWEEP]:
        waited = (wall - due_at).total_seconds()
        pause = timedelta(seconds=min(max(RING_AGAIN_S, waited), LONGEST_SILENCE_S))
        Job.objects.filter(pk=job_id, state__in=UNFINISHED, ring_at__lte=wall).update(ring_at=wall + pause)
        task = current_app.tasks.get(name)
        if task is None:
            logger.error("job %s: no task is named %s", job_id, name)
            continue
        _ring(task, job_id)
        rung += 1
    return rung


def unfinished() -> int:
    """Rows that are still to run. "All done" is this query, not a chord."""
    return Job.objects.filter(state__in=UNFINISHED).count()

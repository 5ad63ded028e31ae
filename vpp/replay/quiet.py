"""Wait until nobody has work left: then the next moment may come, whatever the workers' pace."""

import time
from collections.abc import Callable

from aggregator.kernel.errors import Anticipated
from aggregator.support import clock, jobs
from aggregator.support.models import Job
from market.platforms.models import OutboundMessage
from market.platforms.queries import unfinished_outbound
from vpp.celery import app

LOOK_SECONDS, SELDOM_SECONDS = 0.02, 0.25
PATIENCE = 0.05  # of what was waited already: whoever works long is not asked all the time
SWEEP_SECONDS = 2.0
HURRY_SECONDS = 0.3
LONGEST_SECONDS = 600.0
NAMED = 5


class Stuck(Anticipated):
    code = "replay.stuck"
    text = "After %(seconds)s seconds there is still work that does not end: %(what)s"


class JobDied(Anticipated):
    code = "replay.job_died"
    text = "A step of the day failed: %(job)s: %(error)s"


def dead_jobs() -> set[int]:
    return set(Job.objects.filter(state="dead").values_list("pk", flat=True))


def left_over() -> bool:
    """Whether a day that was broken off left work behind."""
    return bool(jobs.unfinished() or unfinished_outbound())


def free_what_the_dead_hold() -> None:
    """Where no worker lives: what a dead one holds may be taken at once, not only when its lease has run out."""
    wall = clock.wall_now()
    Job.objects.filter(state="running").update(lease_until=wall, ring_at=wall)
    OutboundMessage.objects.filter(state="sending").update(lease_until=wall)


def wait_until_quiet(*, known_dead: set[int], longest_s: float = LONGEST_SECONDS, sleep: Callable[[float], None] = time.sleep) -> None:
    """Return when no job and no outgoing message is open. Sweeps, so that a killed worker's work is done again.

    Business time stands still meanwhile, so a pause before another attempt is not waited for: once nobody
    works any more, the attempts follow one another. Raises JobDied for a job that was given up since
    `known_dead`, Stuck after `longest_s`.
    """
    began = swept = hurried = time.monotonic()
    while True:
        if not jobs.unfinished() and not unfinished_outbound():
            died = Job.objects.filter(state="dead").exclude(pk__in=known_dead).first()
            if died is not None:
                raise JobDied(job=f"{died.name} {died.key}", error=died.error)
            return
        wall = time.monotonic()
        if wall - began > longest_s:
            raise Stuck(seconds=round(longest_s), what=_open_work())
        if wall - hurried > HURRY_SECONDS:
            hurried = wall
            if _hurry():
                swept = 0.0
        if wall - swept > SWEEP_SECONDS:
            swept = wall
            jobs.sweep(wall=clock.wall_now())
            app.tasks["market.platforms.sweep_outbox"].apply_async()
        sleep(min(max(LOOK_SECONDS, PATIENCE * (wall - began)), SELDOM_SECONDS))


def _hurry() -> bool:
    """Make due what only waits for its next attempt; not while anything else is to be done first."""
    now = clock.wall_now()
    waiting = Job.objects.filter(state="pending", attempts__gte=1, due_at__gt=now)
    messages = OutboundMessage.objects.filter(state="pending", next_attempt_at__gt=now)
    if jobs.unfinished() > waiting.count() or OutboundMessage.objects.filter(state="sending").exists():
        return False
    return bool(waiting.update(due_at=now, ring_at=now) + messages.update(next_attempt_at=now))


def _open_work() -> str:
    rows = Job.objects.filter(state__in=jobs.UNFINISHED).order_by("pk")[:NAMED]
    found = [f"{row.name} {row.key} ({row.state}, attempt {row.attempts}) {row.error.strip().splitlines()[-1:]}" for row in rows]
    messages = OutboundMessage.objects.filter(state__in=("pending", "sending")).order_by("pk")[:NAMED]
    return "; ".join(found + [f"message {row.type} {row.reference} ({row.state})" for row in messages])

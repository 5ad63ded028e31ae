"""The clock waits for work, not for pauses; what died or hangs is named."""

from datetime import timedelta

import pytest

from aggregator.support import clock
from aggregator.support.models import Job
from vpp.replay import quiet
from vpp.replay.quiet import JobDied, Stuck, dead_jobs, free_what_the_dead_hold, left_over, wait_until_quiet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet.jobs, "sweep", lambda wall: 0)
    monkeypatch.setattr(quiet.app.tasks["market.platforms.sweep_outbox"], "apply_async", lambda: None)
    monkeypatch.setattr(quiet, "HURRY_SECONDS", 0.0)


def job(key: str, **fields) -> Job:
    wall = clock.wall_now()
    values = {"name": "aggregator.dispatch.verify", "key": key, "due_at": wall, "ring_at": wall, **fields}
    return Job.objects.create(**values)


def test_nothing_to_do_is_quiet() -> None:
    job("done", state="done")
    wait_until_quiet(known_dead=set())


def test_what_a_dead_worker_holds_may_be_taken_at_once() -> None:
    later = clock.wall_now() + timedelta(hours=1)
    held = job("held", state="running", attempts=1, lease_until=later)
    Job.objects.update(ring_at=later)
    assert left_over()
    free_what_the_dead_hold()
    held.refresh_from_db()
    assert max(held.lease_until, held.ring_at) <= clock.wall_now()
    Job.objects.update(state="done")
    assert not left_over()


def test_a_job_that_was_given_up_is_named_once() -> None:
    old = job("old", state="dead", error="long ago")
    wait_until_quiet(known_dead=dead_jobs())
    job("new", state="dead", error="no forecast")
    with pytest.raises(JobDied, match="no forecast"):
        wait_until_quiet(known_dead={old.pk})


def test_work_that_does_not_end_is_named() -> None:
    job("slow", state="running", attempts=1)
    with pytest.raises(Stuck, match=r"verify slow \(running"):
        wait_until_quiet(known_dead=set(), longest_s=0.05)


def test_a_pause_before_the_next_attempt_is_cut_short_but_not_past_other_work() -> None:
    later = clock.wall_now() + timedelta(hours=1)
    waiting = job("again", state="pending", attempts=1, due_at=later, ring_at=later)
    other = job("first", state="running", attempts=1)
    looks = []

    def look(_: float) -> None:
        waiting.refresh_from_db()
        looks.append(waiting.due_at)
        if len(looks) == 2:
            Job.objects.filter(pk=other.pk).update(state="done")
        if waiting.due_at < later:
            Job.objects.filter(pk=waiting.pk).update(state="done")

    wait_until_quiet(known_dead=set(), longest_s=5, sleep=look)
    assert looks[:2] == [later, later]
    assert looks[-1] < later

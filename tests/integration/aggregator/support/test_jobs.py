"""A job runs at least once, has one effect, and is never lost: whatever happens to workers and broker."""

from datetime import timedelta

import pytest
from celery import current_app, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerAway

from aggregator.kernel.errors import Anticipated
from aggregator.support import clock, jobs
from aggregator.support.models import Alarm, Job

pytestmark = pytest.mark.django_db
NAME = "tests.jobs.work"


class Refused(Anticipated):
    code = "tests.refused"
    text = "No, because of %(why)s."


class Worker:
    """A handler that records its calls and does what the test tells it."""

    def __init__(self):
        self.calls, self.dead = [], []
        self.behave = lambda payload: {"seen": payload}

    def handle(self, payload, *, now):
        self.calls.append(payload)
        return self.behave(payload)

    def ring(self, job):
        jobs.run(job.pk, self.handle, on_dead=lambda payload, error: self.dead.append((payload, error)))
        job.refresh_from_db()
        return job


@shared_task(name=NAME)
def _registered(job_id):
    """Only its name and its rings matter here."""


@pytest.fixture
def rings(monkeypatch):
    """What the doorbell was rung with."""
    rung = []
    monkeypatch.setattr(current_app.tasks[NAME], "apply_async", lambda args: rung.append(*args))
    return rung


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def job(rings):
    return jobs.enqueue(name=NAME, key="one", payload={"day": "2025-06-23"})


def later(job, **delta):
    """Pretend that this much time has passed since the row was last touched."""
    shift = timedelta(**delta)
    for field in ("due_at", "ring_at", "lease_until"):
        if getattr(job, field):
            setattr(job, field, getattr(job, field) - shift)
    job.save()


def test_it_is_rung_on_commit_and_only_then(rings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.enqueue(name=NAME, key="one")
        assert rings == []
    assert rings == [job.pk]


def test_asking_again_changes_nothing(job, rings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        again = jobs.enqueue(name=NAME, key="one", payload={"day": "another"})
    assert (again.pk, again.payload) == (job.pk, {"day": "2025-06-23"})
    assert rings == []
    assert Job.objects.count() == 1


def test_an_unknown_task_fails_at_once():
    with pytest.raises(KeyError):
        jobs.enqueue(name="tests.jobs.nowhere", key="one")


def test_it_runs_once(job, worker):
    worker.ring(job)
    worker.ring(job)
    assert worker.calls == [{"day": "2025-06-23"}]
    assert (job.state, job.result, job.attempts, job.error) == ("done", {"seen": {"day": "2025-06-23"}}, 1, "")
    assert jobs.unfinished() == 0


def test_a_row_that_another_worker_holds_is_left(job, worker):
    other = Worker()

    def meanwhile(payload):
        other.ring(Job.objects.get(pk=job.pk))

    worker.behave = meanwhile
    worker.ring(job)
    assert other.calls == []
    assert job.state == "done"


def test_the_job_of_a_dead_worker_is_rung_again_after_its_lease(job, worker, rings):
    def dies(payload):
        raise SystemExit  # as a killed process: nothing after this line runs

    worker.behave = dies
    with pytest.raises(SystemExit):
        worker.ring(job)
    job.refresh_from_db()
    assert job.state == "running"
    assert jobs.sweep(wall=clock.wall_now()) == 0
    worker.ring(job)
    assert len(worker.calls) == 1, "the lease still holds"

    later(job, seconds=130)
    assert jobs.sweep(wall=clock.wall_now()) == 1
    assert rings == [job.pk]
    worker.behave = lambda payload: None
    worker.ring(job)
    assert (job.state, job.attempts) == ("done", 2)


def test_a_slow_worker_that_lost_its_lease_may_still_finish(job, worker):
    other = Worker()

    def slow(payload):
        later(Job.objects.get(pk=job.pk), seconds=130)
        other.behave = lambda payload: {"by": "other"}
        other.ring(Job.objects.get(pk=job.pk))
        return {"by": "slow"}

    worker.behave = slow
    worker.ring(job)
    assert (job.state, job.result) == ("done", {"by": "other"})


def test_a_slow_worker_that_lost_its_lease_cannot_fail_the_other_ones_run(job, worker):
    """The other run has begun (attempt 2) when attempt 1 ends with an error."""

    def slow(payload):
        later(Job.objects.get(pk=job.pk), seconds=130)
        jobs._claim(job.pk, 1)
        raise ValueError("late")

    worker.behave = slow
    worker.ring(job)
    assert (job.state, job.attempts, job.error) == ("running", 2, "")


def test_an_unexpected_failure_is_tried_again_later_and_kept(job, worker, rings):
    worker.behave = lambda payload: 1 / 0
    worker.ring(job)
    assert job.state == "pending"
    assert "ZeroDivisionError" in job.error
    assert job.due_at > clock.wall_now()
    assert jobs.sweep(wall=clock.wall_now()) == 0, "it is not due yet"
    assert jobs.sweep(wall=clock.wall_now() + timedelta(seconds=3)) == 1
    worker.behave = lambda payload: None
    worker.ring(job)
    assert (job.state, job.error) == ("done", "")


def test_after_five_failures_it_is_dead_and_an_alarm(job, worker):
    worker.behave = lambda payload: 1 / 0
    for _ in range(jobs.MAX_ATTEMPTS):
        worker.ring(job)
    assert (job.state, job.attempts) == ("dead", 5)
    assert len(worker.dead) == 1
    alarm = Alarm.objects.get(kind="job.dead")
    assert (alarm.severity, alarm.fields["error"]) == ("critical", "ZeroDivisionError: division by zero")
    worker.ring(job)
    assert len(worker.calls) == 5


def test_a_refusal_is_final(job, worker):
    def refuse(payload):
        raise Refused(why="rain")

    worker.behave = refuse
    worker.ring(job)
    assert (job.state, job.error) == ("dead", "tests.refused: No, because of rain.")
    assert worker.dead == [({"day": "2025-06-23"}, "tests.refused: No, because of rain.")]


def test_what_has_not_arrived_yet_is_waited_for(job, worker):
    def early(payload):
        raise jobs.TryLater()

    worker.behave = early
    worker.ring(job)
    assert job.state == "pending"
    worker.behave = lambda payload: None
    worker.ring(job)
    assert job.state == "done"


def test_a_job_that_kills_every_worker_is_given_up(job, worker):
    worker.behave = lambda payload: (_ for _ in ()).throw(SystemExit)
    for _ in range(jobs.MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            worker.ring(job)
        job.refresh_from_db()
        later(job, seconds=130)
    worker.ring(job)
    assert len(worker.calls) == jobs.MAX_ATTEMPTS
    assert job.state == "dead"
    assert Alarm.objects.filter(kind="job.dead").exists()


def test_a_dead_job_can_be_revived(job, worker, rings, django_capture_on_commit_callbacks):
    def refuse(payload):
        raise Refused(why="rain")

    worker.behave = refuse
    worker.ring(job)
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs.revive(name=NAME, key="one")
    assert rings == [job.pk]
    worker.behave = lambda payload: None
    worker.ring(job)
    assert (job.state, job.attempts) == ("done", 1)
    assert Alarm.objects.get(kind="job.dead").cleared_at is not None
    assert not jobs.revive(name=NAME, key="one"), "done is done"


@pytest.mark.parametrize("problem", [ConnectionRefusedError(), BrokerAway()])
def test_a_broker_that_is_away_costs_a_sweep_never_the_job(monkeypatch, problem, django_capture_on_commit_callbacks):
    def away(args):
        raise problem

    monkeypatch.setattr(current_app.tasks[NAME], "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.enqueue(name=NAME, key="one")
    rung = []
    monkeypatch.setattr(current_app.tasks[NAME], "apply_async", lambda args: rung.append(*args))
    assert jobs.sweep(wall=clock.wall_now() + timedelta(seconds=6)) == 1
    assert rung == [job.pk]


def test_a_row_that_waits_in_a_long_queue_is_rung_ever_more_rarely(job, rings):
    for seconds in range(0, 3600, 10):
        jobs.sweep(wall=job.due_at + timedelta(seconds=seconds))
    assert 5 <= len(rings) <= 15


def test_a_row_whose_task_is_gone_does_not_stop_the_sweep(job, rings):
    Job.objects.create(name="tests.jobs.removed", key="old", due_at=job.due_at, ring_at=job.due_at)
    assert jobs.sweep(wall=clock.wall_now() + timedelta(seconds=6)) == 1
    assert rings == [job.pk]


def test_a_rolled_back_decision_leaves_no_job(rings):
    with transaction.atomic():
        jobs.enqueue(name=NAME, key="one")
        transaction.set_rollback(True)
    assert (Job.objects.count(), rings) == (0, [])

"""Two workers cannot both win a move."""

from datetime import UTC, datetime

import pytest

from aggregator.kernel.lifecycle import TransitionRefused
from aggregator.support.models import JOB, Job
from aggregator.support.transitions import compare_and_set

pytestmark = pytest.mark.django_db
AT = datetime(2025, 6, 23, tzinfo=UTC)


@pytest.fixture
def row():
    return Job.objects.create(name="tests.any", key="one", due_at=AT, ring_at=AT)


def test_a_move_writes_its_changes_to_row_and_database(row):
    compare_and_set(row, JOB, "running", started_at=AT)
    fresh = Job.objects.get()
    assert (row.state, row.started_at) == (fresh.state, fresh.started_at) == ("running", AT)


def test_the_second_of_two_workers_is_refused_and_changes_nothing(row):
    same = Job.objects.get()
    compare_and_set(row, JOB, "running", error="first")
    with pytest.raises(TransitionRefused) as refused:
        compare_and_set(same, JOB, "running", error="second")
    assert refused.value.fields["current"] == "running"
    assert Job.objects.get().error == "first"
    assert same.state == "pending", "a refused move leaves the object as it was"


def test_a_stale_object_cannot_skip_a_state(row):
    stale = Job.objects.get()
    compare_and_set(row, JOB, "running")
    compare_and_set(row, JOB, "done")
    with pytest.raises(TransitionRefused):
        compare_and_set(stale, JOB, "pending")
    assert Job.objects.get().state == "done"

"""A fleet run in shards: the plan depends on the cut alone, a repeated job changes nothing, and its certificate holds for all."""

import random
from collections import Counter

import numpy as np
import pytest
from celery import current_app

from aggregator.dispatch.domain import _bulk
from aggregator.dispatch.domain.fleet.checker import check_fleet
from aggregator.dispatch.domain.fleet.cost import flows_from, site_injection
from aggregator.dispatch.domain.fleet.plan import plan_fleet
from aggregator.dispatch.domain.fleet.problem import FleetRefused
from aggregator.dispatch.domain.fleet.result import Certificate, FleetPlan, Moves
from aggregator.dispatch.domain.fleet.shard_bytes import unpack_arrays, unpack_record
from aggregator.dispatch.domain.fleet.shards import cut
from aggregator.dispatch.models import FleetRun, OptimisationRun
from aggregator.dispatch.operations import FleetRunExists, _shards, begin_fleet_run
from aggregator.support import jobs
from aggregator.support.models import Alarm, Job
from tests.integration.aggregator.dispatch.shards import (
    STARTS_AT,
    begin,
    bytes_of,
    enterprises,
    inputs,
    portfolio,
    result,
    small_park,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)
SHARDS = 4


def planned(shards: int = SHARDS, *, simple: bool = True, reference: str = "day") -> FleetRun:
    run = begin(small_park(simple=simple), shards, reference=reference)
    work()
    run.refresh_from_db()
    return run


def certificate(run: FleetRun) -> OptimisationRun:
    assert run.state == "done"
    assert run.optimisation is not None
    return run.optimisation


def test_a_run_goes_through_its_steps_and_ends_in_a_certificate() -> None:
    run = begin(small_park(), SHARDS)
    assert Counter(work()) == {"sum": 4, "price": 1, "guide": 4, "settle": 4, "close": 4, "finish": 1}
    run.refresh_from_db()
    found = certificate(run)
    assert (found.purpose, found.mode, found.status, found.violations) == ("fleet", "sharded", "at_gap", 0)
    assert found.lower_bound_cny <= found.cost_cny <= found.safe_cost_cny
    assert set(found.stages) == {"summing", "guiding", "settling", "closing"}
    assert [shard["number"] for shard in found.details["shards"]] == list(range(SHARDS))


@pytest.mark.parametrize("simple", [True, False])
def test_the_stored_plan_is_a_plan_of_the_whole_fleet(simple: bool) -> None:
    """Put together from the rows, against the fleet that was cut: every limit, the money and the bound, by the checker."""
    problem, run = small_park(simple=simple).problem, planned(simple=simple)
    n = problem.periods
    store_kw, fill_kw, call_kw = (np.zeros((len(part), n)) for part in (problem.stores, problem.fills, problem.calls))
    call_on, generation = np.zeros((len(problem.calls), n), dtype=bool), np.zeros_like(problem.sites.generation_kw)
    for row, shard in zip(run.shards.all(), cut(problem, enterprises(problem), SHARDS), strict=True):
        moves = unpack_record(Moves, row.moves)
        store_kw[shard.stores], fill_kw[shard.fills] = moves.store_kw, moves.fill_kw
        call_kw[shard.calls], call_on[shard.calls] = moves.call_kw, moves.call_on
        generation[shard.sites] = unpack_arrays(row.generation_kw)["generation_kw"]
    whole, found = Moves(store_kw, fill_kw, call_kw, call_on), certificate(run)
    flows = flows_from(problem, site_injection(problem, whole), generation)
    plan = FleetPlan(whole, flows, Certificate(found.cost_cny, found.lower_bound_cny, found.safe_cost_cny), "fleet", "at_gap", {})
    assert check_fleet(problem, plan) == ()
    assert found.violations == 0
    assert np.allclose(np.frombuffer(run.portfolio_kw), flows.portfolio_kw, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shards", [1, SHARDS])
def test_it_is_as_good_as_the_fleet_in_one_piece(shards: int) -> None:
    """Within 2 % of what the fleet's flexibility is worth; in one shard both come from the same steps, and only ties may differ."""
    whole = plan_fleet(small_park().problem, deadline_s=60, mode="fleet", seed=3).certificate
    found = certificate(planned(shards))
    value = whole.safe_cost_cny - whole.lower_bound_cny
    most = 0.02 if shards > 1 else 0.005
    assert found.safe_cost_cny == pytest.approx(whole.safe_cost_cny, rel=1e-9)
    assert abs(found.cost_cny - whole.cost_cny) <= most * value
    assert abs(found.lower_bound_cny - whole.lower_bound_cny) <= most * value


def test_the_order_in_which_jobs_are_taken_changes_nothing() -> None:
    first = result(planned(reference="first come"))
    run = begin(small_park(), SHARDS, reference="shuffled")
    work(random.Random(5).choice)
    shuffled = result(run)
    last = begin(small_park(), SHARDS, reference="last come")
    work(lambda waiting: waiting[-1])
    assert first == shuffled == result(last)


def test_a_job_that_runs_twice_changes_nothing() -> None:
    """Every job is run again after each step of the run, as when a worker dies after its commit."""
    run = begin(small_park(), SHARDS)
    while waiting := Job.objects.filter(state="pending").order_by("pk").first():
        current_app.tasks[waiting.name](waiting.pk)
        before = [bytes_of(shard) for shard in run.shards.all()]
        turn = FleetRun.objects.get(pk=run.pk).turn
        Job.objects.filter(pk=waiting.pk).update(state="pending")
        current_app.tasks[waiting.name](waiting.pk)
        assert [bytes_of(shard) for shard in run.shards.all()] == before
        assert FleetRun.objects.get(pk=run.pk).turn == turn
    assert OptimisationRun.objects.count() == 1
    assert result(run) == result(planned(reference="once"))


def test_a_worker_that_outlives_its_lease_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it computes a turn, another worker takes that job over and goes on to the end: the slow one's result is not written."""
    run, quick, slow_jobs = begin(small_park(), SHARDS), _shards.settled, []

    def slow(*args, **kwargs):
        found = quick(*args, **kwargs)
        if not slow_jobs:
            slow_jobs.append(job.pk)
            Job.objects.filter(pk=job.pk).update(state="pending")
            work()
        return found

    monkeypatch.setattr(_shards, "settled", slow)
    while job := Job.objects.filter(state="pending").order_by("pk").first():
        current_app.tasks[job.name](job.pk)
    assert Job.objects.get(pk=slow_jobs[0]).attempts == 2
    assert result(run) == result(planned(reference="once"))
    assert (run.turn, OptimisationRun.objects.filter(reference=run.reference).count()) == (SHARDS, 1)


def test_each_turn_reads_what_all_shards_inject_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    run, seen, quick = begin(small_park(), SHARDS), [], _shards.settled

    def watched(problem, market, before, *, others_kw, seed):
        injections = [np.frombuffer(data) for data in run.shards.values_list("injection_kw", flat=True)]
        seen.append(np.abs(others_kw + before.injection_kw - np.sum(injections, axis=0)).max())
        return quick(problem, market, before, others_kw=others_kw, seed=seed)

    monkeypatch.setattr(_shards, "settled", watched)
    work()
    assert len(seen) == SHARDS
    assert max(seen) < 1e-6


def test_the_same_reference_is_the_same_run() -> None:
    run = planned()
    assert begin(small_park(), SHARDS) == run
    assert work() == []
    with pytest.raises(FleetRunExists):
        begin(small_park(), SHARDS + 1)


def test_a_shard_with_other_periods_is_refused() -> None:
    problem = small_park().problem
    with pytest.raises(FleetRefused):
        begin_fleet_run(
            portfolio=portfolio(),
            reference="hourly",
            starts_at=STARTS_AT,
            resolution_s=3600,
            market=problem.market,
            shards=inputs(problem, 2),
        )
    assert not FleetRun.objects.exists()
    assert not Job.objects.exists()


def test_without_a_solver_it_ends_in_the_safe_plan_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bulk, "highspy", None)
    found = certificate(planned())
    assert (found.status, found.lower_bound_cny, found.violations) == ("fallback", None, 0)
    assert found.cost_cny == pytest.approx(found.safe_cost_cny)


def test_a_job_that_cannot_be_done_fails_the_run_with_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(small_park(), SHARDS)
    monkeypatch.setattr(_shards, "guided", lambda *args, **kwargs: 1 / 0)
    monkeypatch.setattr(jobs, "MAX_ATTEMPTS", 1)
    while job := Job.objects.filter(state="pending").order_by("pk").first():
        current_app.tasks[job.name](job.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "ZeroDivisionError" in run.error
    assert Alarm.objects.filter(kind="job.dead").exists()
    assert not OptimisationRun.objects.exists()

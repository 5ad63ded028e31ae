"""Runs of the optimiser: the certificate as numbers and as a picture, what bound, where the time went, two side by side."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from aggregator.dispatch.models import OptimisationRun
from aggregator.dispatch.queries import optimisation_run, optimisation_run_of
from tests.integration.market.settlement.tiny_day import build, member, staff
from tests.integration.vpp.staff.rows import ISSUED, Planned, planned, visit
from tests.integration.vpp.staff.rows import optimisation_run as make_run
from vpp.staff.run_page import LEFT, RIGHT, compare, scale_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Planned:
    return planned(build())


def facts(row: OptimisationRun):
    return optimisation_run(public_id=row.public_id)


def test_gap_and_share_of_flexibility_follow_from_the_three_costs(made: Planned) -> None:
    run = facts(made.run)
    assert run.gap_cny == pytest.approx(4.0)
    assert run.gap_ratio == pytest.approx(0.004)
    assert run.flexibility_value_cny == pytest.approx(200.0)
    assert run.flexibility_gap_ratio == pytest.approx(0.02)
    assert run.wall_seconds == pytest.approx(1.0)
    assert run.plan_public_id == made.plan.public_id
    found = optimisation_run_of(plan_id=made.plan.pk)
    assert found is not None
    assert found.public_id == made.run.public_id


def test_without_a_bound_nothing_is_claimed(made: Planned) -> None:
    run = facts(make_run(made.day, lower_bound_cny=None, status="fallback", stages={}))
    assert (run.gap_cny, run.gap_ratio, run.flexibility_gap_ratio, run.wall_seconds) == (None, None, None, None)
    page = visit(staff("operator"), reverse("staff:optimisation", args=[run.public_id])).content.decode()
    assert "not known: no solver delivered prices in time" in page
    assert "not proven" not in page


def test_a_cost_of_zero_has_no_gap_in_percent(made: Planned) -> None:
    run = facts(make_run(made.day, cost_cny=0.0, lower_bound_cny=-1.0, safe_cost_cny=-1.0))
    assert run.gap_ratio is None
    assert run.flexibility_gap_ratio is None


def test_the_picture_puts_bound_plan_and_safe_plan_on_one_scale(made: Planned) -> None:
    scale = scale_of(facts(made.run))
    assert scale is not None
    assert scale.bound == pytest.approx(LEFT)
    assert scale.safe == pytest.approx(RIGHT)
    assert scale.plan == pytest.approx(LEFT + (RIGHT - LEFT) * 0.02)
    assert scale.unproven + scale.gained == pytest.approx(RIGHT - LEFT)
    earning = scale_of(facts(make_run(made.day, cost_cny=-50.0, lower_bound_cny=-60.0, safe_cost_cny=-10.0)))
    assert earning is not None
    assert earning.plan == pytest.approx(LEFT + (RIGHT - LEFT) * 0.2)
    assert scale_of(facts(make_run(made.day, cost_cny=5.0, lower_bound_cny=None, safe_cost_cny=None))) is None
    assert scale_of(facts(make_run(made.day, cost_cny=5.0, lower_bound_cny=5.0, safe_cost_cny=5.0))) is None


def test_the_run_page_says_what_bound_whose_site_and_at_which_price(made: Planned) -> None:
    page = visit(staff("operator"), reverse("staff:optimisation", args=[made.run.public_id])).content.decode()
    assert "A · A" in page
    assert "0.2345 CNY/kWh" in page
    assert "what the portfolio has promised" in page
    assert "the portfolio" in page
    assert made.run.inputs_hash in page
    assert f"#{made.plan.sequence}" in page
    assert "guided sweeps over the assets" in page
    assert "50.0 %" in page


def test_what_the_check_found_is_shown(made: Planned) -> None:
    refused = [{"subject": "A/main/A-load", "limit": "must_run", "starts_at": ISSUED.isoformat(), "by": 4.9}]
    run = make_run(made.day, violations=1, details={"refused": refused})
    page = visit(staff("auditor"), reverse("staff:optimisation", args=[run.public_id])).content.decode()
    assert "below the must-run power" in page
    assert "the safe plan was taken instead" in page


def test_two_runs_stand_side_by_side_and_differences_are_marked(made: Planned) -> None:
    other = make_run(made.day, mode="reference", cost_cny=998.0, computed_at=ISSUED + timedelta(minutes=5), limits=[])
    lines = {line.label: line for line in compare(facts(made.run), facts(other))}
    assert lines["Mode"].differs
    assert not lines["Inputs"].differs
    assert lines["Cost of the plan"].change == "−2.00 CNY"
    assert lines["import limit of a site A · A"].right == "does not bind"
    path = reverse("staff:optimisation-compare")
    query = f"?run={other.public_id}&run={made.run.public_id}"
    page = visit(staff("operator"), path + query).content.decode()
    assert "the same inputs" in page
    assert page.count("≠ differs") == sum(line.differs for line in lines.values())
    heads = re.findall(r'<th class="number"><a href="[^"]*/([0-9a-f-]{36})/', page)
    assert heads == [str(made.run.public_id), str(other.public_id)], "the older one stands left"


@pytest.mark.parametrize("query", ["", "?run={one}", "?run={one}&run={one}", "?run={one}&run={one}&run={other}&run=x"])
def test_other_than_two_runs_are_asked_for_again(made: Planned, query: str) -> None:
    other = make_run(made.day)
    answer = visit(staff("operator"), reverse("staff:optimisation-compare") + query.format(one=made.run.public_id, other=other.public_id))
    assert answer.status_code == 302
    assert answer["Location"] == reverse("staff:optimisations")


def test_a_foreign_address_is_not_found(made: Planned) -> None:
    person = staff("operator")
    path = reverse("staff:optimisation-compare")
    assert visit(person, f"{path}?run={made.run.public_id}&run=nobody").status_code == 404
    assert visit(person, f"{path}?run={made.run.public_id}&run={made.plan.public_id}").status_code == 404


def test_the_list_is_narrowed_exported_and_says_when_it_is_empty(made: Planned) -> None:
    make_run(made.day, purpose="bid", mode="curves")
    person = staff("operator")
    path = reverse("staff:optimisations")
    assert visit(person, path).content.decode().count('type="checkbox"') == 2
    assert visit(person, path, purpose="bid").content.decode().count('type="checkbox"') == 1
    assert "Nothing in this list fits" in visit(person, path, mode="sharded").content.decode()
    exported = visit(person, path, format="csv", mode="curves").content.decode("utf-8-sig").splitlines()
    assert len(exported) == 2
    made.plan.run = None
    made.plan.save()
    OptimisationRun.objects.all().delete()
    assert "None has been computed for this portfolio" in visit(person, path).content.decode()


def paths(made: Planned) -> list[str]:
    other = make_run(made.day)
    return [
        reverse("staff:optimisations"),
        reverse("staff:optimisation", args=[made.run.public_id]),
        f"{reverse('staff:optimisation-compare')}?run={made.run.public_id}&run={other.public_id}",
    ]


@pytest.mark.parametrize("role", ["operator", "settlement", "auditor"])
def test_every_staff_role_reads(made: Planned, role: str) -> None:
    person = staff(role)
    for path in paths(made):
        assert visit(person, path).status_code == 200, path


def test_strangers_and_enterprises_do_not(made: Planned) -> None:
    owner = member("A")
    for path in paths(made):
        assert visit(None, path).status_code == 302
        assert visit(owner, path).status_code == 403

"""Who an instruction asks, at which price and how evenly: of a run that was carried out, and as a preview that sends nothing."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from aggregator.dispatch import operations
from aggregator.dispatch.domain import Target
from aggregator.dispatch.domain.split import RULES
from aggregator.dispatch.models import DispatchPlan, OptimisationRun, Setpoint
from aggregator.dispatch.queries import optimisation_run
from aggregator.support import clock
from aggregator.support.models import Job
from market.instructions.models import DispatchInstruction
from tests.integration.aggregator.dispatch.park import DAY, ISSUED_AT, MIDNIGHT, Built, build, grid, listening
from tests.integration.market.settlement.tiny_day import build as build_tiny
from tests.integration.market.settlement.tiny_day import member, staff
from tests.integration.vpp.staff.rows import visit
from vpp.staff.split_page import side_by_side, split_picture

pytestmark = pytest.mark.django_db
NOON = MIDNIGHT + timedelta(hours=12)
LOCAL = "%Y-%m-%dT%H:%M"
UP_KW = 20.0


@pytest.fixture
def park(settings):
    """Scheduled for the day; it is noon."""
    settings.VPP_ALLOW_TWIN = True
    with listening() as one, listening() as two:
        made = build(endpoints={"a": one, "b": two})
        operations.schedule(
            portfolio_id=made.portfolio.pk,
            grid=grid(),
            run_id=made.run.pk,
            **made.prices(np.where(np.arange(96) < 32, 0.1, 0.9)),
            firm=None,
            reference=f"day {DAY}",
            issued_at=ISSUED_AT,
        )
        clock.set_replay(NOON)
        yield made


def ordered(park: Built) -> OptimisationRun:
    """20 kW above what is planned from 12:00 to 13:00."""
    planned = DispatchPlan.objects.get()
    target = np.full(96, np.nan)
    target[48:52] = np.frombuffer(planned.planned_kw, dtype="<f4")[48:52] + UP_KW
    given = {**park.prices(), "reference": "order 1", "issued_at": NOON, "target": Target(target)}
    operations.dispatch(portfolio_id=park.portfolio.pk, grid=grid(), run_id=park.run.pk, **given)
    return OptimisationRun.objects.get(purpose="instruction")


def test_the_run_of_an_instruction_shows_its_split(park: Built) -> None:
    run = ordered(park)
    grid_of_run = optimisation_run(public_id=run.public_id).grid
    picture = split_picture(run.details["split"], grid=grid_of_run, park_id=park.portfolio.park_id)
    assert picture.given_kwh == pytest.approx(UP_KW, abs=0.1)
    assert picture.periods[0]["at"] == NOON
    assert sum(row.share_ratio for row in picture.enterprises) == pytest.approx(1.0)
    assert sum(row.given_kwh for row in picture.enterprises) == pytest.approx(picture.given_kwh, abs=1e-3)
    assert sum(row.given_kwh for row in picture.assets) == pytest.approx(picture.given_kwh, abs=1e-3)
    assert all(row.enterprise is not None for row in picture.enterprises)
    assert all(row.asset is not None for row in picture.assets)
    page = visit(staff("operator"), reverse("staff:optimisation", args=[run.public_id])).content.decode()
    assert "How the instruction was split" in page
    assert "Jain index, enterprises" in page


def ask(person, **fields):
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(person)
    local = NOON.astimezone(ZoneInfo("Asia/Shanghai"))
    given = {
        "starts_at": (local + timedelta(hours=1)).strftime(LOCAL),
        "ends_at": (local + timedelta(hours=2)).strftime(LOCAL),
        "direction": "up",
        "change_kw": str(UP_KW),
        **fields,
    }
    return client.post(reverse("staff:preview"), given)


def counts() -> list[int]:
    return [model.objects.count() for model in (DispatchPlan, Setpoint, OptimisationRun, Job)]


def test_a_preview_shows_every_rule_and_leaves_nothing_behind(park: Built) -> None:
    before = counts()
    answer = ask(staff("operator"))
    page = answer.content.decode()
    assert counts() == before
    found = answer.context["found"]
    assert [one.split.rule for one, _ in found] == list(RULES)
    assert [one.declared for one, _ in found].count(True) == 1
    assert all(shown.given_kwh == pytest.approx(UP_KW, abs=0.1) for _, shown in found)
    assert all(shown.periods[0]["at"] == NOON + timedelta(hours=1) for _, shown in found)
    cheapest = min(one.split.cost_cny for one, _ in found)
    assert found[0][0].split.cost_cny == pytest.approx(cheapest, abs=0.02 * UP_KW)
    for text in ("by cost", "pro rata", "in turn", "least shares, then by cost", "in force", "passed"):
        assert text in page, text
    assert "No site has a declared least share" in page


def test_what_cannot_be_split_is_said_in_words(park: Built) -> None:
    local = NOON.astimezone(ZoneInfo("Asia/Shanghai"))
    person = staff("operator")
    later = {"starts_at": (local + timedelta(days=3)).strftime(LOCAL), "ends_at": (local + timedelta(days=4)).strftime(LOCAL)}
    assert "No valid plan covers" in ask(person, **later).content.decode()
    backwards = ask(person, ends_at=local.strftime(LOCAL))
    assert "found" not in backwards.context
    assert "errorlist" in backwards.content.decode()


def test_only_operators_preview(park: Built) -> None:
    for role in ("settlement", "auditor"):
        assert ask(staff(role)).status_code == 403
    assert visit(None, reverse("staff:preview")).status_code == 302


def test_the_form_takes_over_an_instruction_and_no_foreign_one() -> None:
    made = build_tiny()
    order = DispatchInstruction.objects.get()
    person = staff("operator")
    page = visit(person, reverse("staff:preview"), instruction=str(order.public_id)).content.decode()
    assert 'value="2025-06-12T12:00"' in page
    assert 'value="100.0"' in page
    assert visit(person, reverse("staff:preview"), instruction="nobody").status_code == 404
    assert visit(person, reverse("staff:preview"), instruction=str(made.response.public_id)).status_code == 404
    assert visit(member("A"), reverse("staff:preview")).status_code == 403


def test_side_by_side_keeps_every_enterprise_in_its_row() -> None:
    def split(rule: str, given: dict[str, float]) -> dict:
        shares = {code: {"given_kwh": kwh, "share_ratio": 0.5, "possible_kwh": 9.0, "used_ratio": None} for code, kwh in given.items()}
        return {"rule": rule, "enterprises": shares, "assets": {}, "periods": []}

    one, two = (split_picture(made, grid=grid(), park_id=0) for made in (split("cost", {"B": 2.0, "A": 1.0}), split("floor", {"A": 3.0})))
    assert [row.code for row in one.enterprises] == ["B", "A"], "who gives most stands first"
    rows = side_by_side([one, two])
    assert [(row.code, [share and share.given_kwh for share in row.shares]) for row in rows] == [("A", [1.0, 3.0]), ("B", [2.0, None])]
    assert side_by_side([]) == []


def test_where_the_plan_already_does_it_nobody_is_said_to_be_unable() -> None:
    period = {"period": 0, "need_kw": -5.0, "given_kw": 0.0, "shortfall_kw": 0.0, "overshoot_kw": 5.0, "price_cny_per_kwh": None}
    split = {"rule": "cost", "enterprises": {}, "assets": {}, "periods": [period]}
    assert split_picture(split, grid=grid(), park_id=0).nothing_asked
    asked = {**split, "periods": [period, {**period, "need_kw": 1.0, "shortfall_kw": 1.0}]}
    assert not split_picture(asked, grid=grid(), park_id=0).nothing_asked

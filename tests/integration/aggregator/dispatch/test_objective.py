"""What a portfolio declares is what its days are planned for, and what the run keeps."""

import numpy as np
import pytest

from aggregator.dispatch import operations, queries
from aggregator.dispatch.domain import ProblemRefused
from aggregator.dispatch.domain.objective import DayObjective
from aggregator.dispatch.models import DispatchPlan
from tests.integration.aggregator.dispatch.park import DAY, ISSUED_AT, Built, build, grid, listening

pytestmark = pytest.mark.django_db


@pytest.fixture
def park():
    with listening() as one, listening() as two:
        yield build(endpoints={"a": one, "b": two})


def plan(park: Built, reference: str) -> DispatchPlan:
    """A day at a flat price: money alone finds nothing to do."""
    prices = park.prices(np.full(96, 0.4))
    return operations.schedule(
        portfolio_id=park.portfolio.pk, grid=grid(), run_id=park.run.pk, **prices, firm=None, reference=reference, issued_at=ISSUED_AT
    )


def test_a_declared_objective_changes_the_plan_and_is_kept(park: Built) -> None:
    money = plan(park, "money")
    assert "objective" not in money.run.details
    chosen = DayObjective(carbon_price_cny_per_kg=0.5, grid_kg_per_kwh=0.6, factor_source="test figure", self_consumption_cny_per_mwh=200.0)
    operations.declare_objective(portfolio_id=park.portfolio.pk, valid_from=DAY, objective=chosen)
    greener = plan(park, "greener")
    kept = greener.run.details["objective"]
    assert (kept["carbon_price_cny_per_kg"], kept["factor_source"]) == (0.5, "test figure")
    assert set(kept["amounts"]) == {"carbon", "self_consumption"}
    assert greener.inputs["objective"]["self_consumption_cny_per_mwh"] == 200.0
    assert greener.inputs_hash != money.inputs_hash
    assert greener.violations == []
    # In money it cannot be better than the plan that looked for money alone, and it says what it costs in money.
    assert greener.objective_cny >= money.objective_cny - 1e-3 * abs(money.objective_cny)
    # What is minimised has the carbon in it.
    assert greener.run.cost_cny > money.run.cost_cny


def test_a_declaration_counts_from_its_day(park: Built) -> None:
    operations.declare_objective(portfolio_id=park.portfolio.pk, valid_from=DAY, objective=DayObjective(self_consumption_cny_per_mwh=50.0))
    assert queries.objective_on(portfolio_id=park.portfolio.pk, day=DAY).self_consumption_cny_per_mwh == 50.0
    assert queries.objective_on(portfolio_id=park.portfolio.pk, day=DAY.replace(day=1)) == DayObjective()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"carbon_price_cny_per_kg": 1.0}, "factor_without_source"),
        ({"carbon_price_cny_per_kg": 1.0, "factor_source": "a table"}, "factor_unusable"),
        ({"carbon_price_cny_per_kg": -1.0}, "objective_negative"),
        ({"self_consumption_cny_per_mwh": 5_000.0}, "objective_too_high"),
    ],
)
def test_an_objective_that_cannot_be_used_is_refused(given: dict, why: str) -> None:
    with pytest.raises(ProblemRefused) as refused:
        DayObjective(**given)
    assert refused.value.fields["why"] == why
    assert why in ProblemRefused.whys

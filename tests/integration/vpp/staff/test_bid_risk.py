"""The bid page before approval: curves at single prices, scenarios and where they come from, the risk of their cost."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from market.bids.models import Bid, BidStep
from market.bids.queries import BidRisk, BidScenario, bid
from tests.integration.market.settlement.tiny_day import GRID, TinyDay, build, staff
from tests.integration.vpp.staff.rows import optimisation_run, visit
from tests.integration.vpp.staff.test_plans import data
from vpp.staff.bid_risk import LEVELS, price_curves, risk_picture

pytestmark = pytest.mark.django_db
COSTS = (-400.0, 100.0, 250.0, 900.0)


@pytest.fixture
def made() -> TinyDay:
    return build()


def scenario(k: int, cost: float | None) -> dict:
    return {
        "day": date(2025, 5, 1 + k).isoformat(),
        "availability": "p10" if k == 0 else date(2025, 5, 1 + k).isoformat(),
        "probability": 0.25,
        "cost_cny": cost,
        "price_mean_cny_per_mwh": 300.0 + k,
        "accepted_mwh": -4.5,
        "delivered_mwh": None if cost is None else -4.4,
        "relief_kwh": None if cost is None else 0.0,
    }


def risky(made: TinyDay, **fields) -> Bid:
    row = made.spot.bid
    known = {
        "n_scenarios": 4,
        "risk_weight": 0.2,
        "risk_confidence": 0.75,
        "expected_cost_cny": 212.5,
        "value_at_risk_cny": 250.0,
        "cvar_cny": 900.0,
        "lower_bound_cny": 340.0,
        "relief_kwh": 0.0,
        "availability": "joint_days",
        "scenarios": [scenario(k, cost) for k, cost in enumerate(COSTS)],
        "optimisation_run": optimisation_run(made, purpose="bid", mode="curves"),
    }
    for name, value in {**known, **fields}.items():
        setattr(row, name, value)
    row.save()
    return row


def stepped(row: Bid, steps: dict[int, list[tuple[str, str]]]) -> None:
    for k, rows in steps.items():
        for number, (price, kw) in enumerate(rows, start=1):
            BidStep.objects.create(
                bid=row, starts_at=GRID.starts[k], number=number, price_cny_per_mwh=Decimal(price), injection_kw=Decimal(kw)
            )


def page_of(row: Bid, role: str = "operator") -> str:
    return visit(staff(role), reverse("staff:bid", args=[row.public_id])).content.decode()


def test_the_weighed_cost_is_what_was_minimised(made: TinyDay) -> None:
    row = risky(made)
    risk = bid(bid_id=row.pk).risk
    assert risk is not None
    picture = risk_picture(risk)
    assert picture.weighed_cny == pytest.approx(0.8 * 212.5 + 0.2 * 900)
    assert picture.gap_cny == pytest.approx(350.0 - 340.0)
    assert [one.cost_cny for one, _ in picture.rows] == sorted(COSTS, reverse=True)
    assert [tail for _, tail in picture.rows] == [True, True, False, False]
    assert picture.as_json is not None
    assert [bar["cny"] for bar in picture.as_json["bars"]] == sorted(COSTS)


def test_the_page_says_mean_tail_weight_bound_and_where_the_scenarios_come_from(made: TinyDay) -> None:
    row = risky(made)
    page = page_of(row)
    for text in ("212.50 CNY", "250.00 CNY", "900.00 CNY", "350.00 CNY", "340.00 CNY", "10.00 CNY", "20.0 %", "75.0 %"):
        assert text in page, text
    assert "4 scenarios of equal probability" in page
    assert "each price day with generation and load of the same day" in page
    assert "P10 of the forecast" in page
    assert reverse("staff:optimisation", args=[row.optimisation_run.public_id]) in page
    assert "do not fit through" not in page
    run = visit(staff("auditor"), reverse("staff:optimisation", args=[row.optimisation_run.public_id])).content.decode()
    assert reverse("staff:bid", args=[row.public_id]) in run


def test_scenarios_that_do_not_fit_are_a_warning(made: TinyDay) -> None:
    assert "12.5 kWh of own load do not fit" in page_of(risky(made, relief_kwh=12.5))


def test_refused_curves_have_no_cost_and_say_so(made: TinyDay) -> None:
    none = ("risk_weight", "risk_confidence", "expected_cost_cny", "value_at_risk_cny", "cvar_cny", "lower_bound_cny", "relief_kwh")
    row = risky(made, **dict.fromkeys(none), scenarios=[scenario(k, None) for k in range(4)], solver_status="fallback")
    page = page_of(row)
    assert "The curves were not accepted" in page
    assert 'id="risk-figures"' not in page
    assert "no data" in page


def test_a_bid_without_scenarios_says_that_nothing_is_known(made: TinyDay) -> None:
    assert "This bid was computed without scenarios" in page_of(made.spot.bid)
    assert "Risk behind the curves" not in page_of(made.response.bid, "auditor"), "demand response has no curves"


def test_curves_at_single_prices(made: TinyDay) -> None:
    row = made.spot.bid
    stepped(row, {10: [("-50", "-320"), ("300", "-250"), ("450", "-100")], 11: [("200", "-310")]})
    curves = price_curves(bid(bid_id=row.pk))
    assert curves is not None
    assert curves.levels == [-50.0, 200.0, 300.0, 450.0]
    at = {one["price"]: one["kw"] for one in curves.as_json["fan"]}
    assert [at[level][10] for level in curves.levels] == [-320.0, -320.0, -250.0, -100.0]
    assert [at[level][11] for level in curves.levels] == [None, -310.0, -310.0, -310.0]
    assert at[300.0][12] is None, "nothing is offered there"
    shown = data(page_of(row), "price-curves")
    assert shown["periods"][10]["steps"] == [[-50.0, -320.0], [300.0, -250.0], [450.0, -100.0]]


def test_of_many_prices_a_few_are_drawn_from_the_lowest_to_the_highest(made: TinyDay) -> None:
    row = made.spot.bid
    stepped(row, {k: [(str(10 * k), str(-300 + k))] for k in range(20)})
    curves = price_curves(bid(bid_id=row.pk))
    assert curves is not None
    assert len(curves.levels) == LEVELS
    assert (curves.levels[0], curves.levels[-1]) == (0.0, 190.0)


def test_a_fixed_quantity_has_no_curve(made: TinyDay) -> None:
    assert price_curves(bid(bid_id=made.response.bid.pk)) is None
    assert price_curves(bid(bid_id=made.spot.bid.pk)) is None, "no steps"


def test_a_risk_of_one_scenario() -> None:
    one = BidScenario(date(2025, 5, 1), "mean", 1.0, 5.0, 300.0, -1.0, -1.0, 0.0)
    picture = risk_picture(BidRisk(None, 0.5, 0.9, 5.0, 5.0, 5.0, None, 0.0, "quantile_paths", (one,)))
    assert picture.weighed_cny == pytest.approx(5.0)
    assert picture.gap_cny is None


def test_the_page_says_what_bounds_the_quantity(made: TinyDay) -> None:
    documents = [{"document": "No. 17", "valid_until": "2027-02-28"}]
    certified = {"kw": 200.0, "basis": "certificate", "declared_kw": 700.0, "certified_kw": 200.0, "documents": documents}
    declared = {"kw": 900.0, "basis": "declared", "declared_kw": 900.0, "certified_kw": None, "documents": []}
    html = page_of(risky(made, capability={"up": certified, "down": declared}))
    assert "up 200.0 kW" in html
    assert "capability certificate" in html
    assert "No. 17 (valid until 2027-02-28)" in html
    assert "down 900.0 kW" in html
    assert "no certificate" in html


def test_a_bid_of_which_nothing_was_looked_up_says_nothing_of_bounds(made: TinyDay) -> None:
    assert "What bounds the quantity" not in page_of(risky(made, capability={}))


def test_a_reserve_bid_shows_what_is_kept_free(made: TinyDay) -> None:
    row = risky(made, product="reserve_up")
    stepped(row, {4: [("400", "150")]})
    html = page_of(row)
    assert "up reserve" in html
    assert "Capacity that is kept free" in html
    assert "up 150.0 kW" in html

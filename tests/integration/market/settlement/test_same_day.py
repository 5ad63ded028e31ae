"""A baseline that is adjusted by the day itself: by the hours before the call, never by anything after it."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from aggregator.assets.queries import sites_on
from aggregator.metering.queries import portfolio_baseline
from aggregator.support.arrays import pack_f4
from market.bids.models import Award, AwardPeriod, Bid
from market.bids.queries import awards_on
from market.instructions.models import DispatchInstruction
from market.rules.domain import baseline_method
from market.rules.queries import pack_on
from market.settlement.queries import site_key
from market.settlement.queries._events import gather_events
from tests.integration.market.world import DAY, GRID, at, eve, make_world

pytestmark = pytest.mark.django_db
FROM, CALLED = at("17:00"), at("16:00")  # as in the demo: one hour of notice
WINDOW = GRID.window(FROM, at("19:00"))
NOTIFIED = GRID.index(CALLED)
SITE = "works/works"


@pytest.fixture
def world():
    """The demo's rule pack, with the other baseline method."""
    return make_world(pack_changes={"baseline": {"method": "same_day_adjusted"}})


def usual_wh(world) -> np.ndarray:
    """The mean of earlier days, which a bid is made with: nobody is called yet."""
    found = portfolio_baseline(
        site_ids=[world.site_id],
        grid=GRID,
        method_params=baseline_method(pack_on(park_id=world.park_id, day=DAY)),
        notified_at=None,
        known_at=eve("10:15"),
        event_starts_at=FROM,
    )
    assert found.members[world.site_id].adjustment == "nobody_notified_yet"
    return found.injection_kwh * 1000


def settle_with(world, metered_wh, *, received_at=CALLED):
    """(event, evidence of the site's baseline) of one called order, where the meter shows `metered_wh`."""
    bid = Bid.objects.create(
        portfolio_id=world.portfolio_id,
        platform_id=world.platform_id,
        product="demand_response",
        delivery_day=DAY,
        state="awarded",
        computed_at=eve("10:15"),
        gate_closes_at=eve("11:30"),
        resolution_s=900,
        solver_status="optimal",
        inputs_hash="0" * 64,
    )
    award = Award.objects.create(bid=bid, platform_id=world.platform_id, reference="A-1", available_at=eve("17:30"))
    for start in GRID.starts[WINDOW]:
        AwardPeriod.objects.create(award=award, starts_at=start, injection_kw=Decimal(500), price_cny_per_mwh=Decimal(2000))
    DispatchInstruction.objects.create(
        platform_id=world.platform_id,
        portfolio_id=world.portfolio_id,
        award=award,
        reference="I-1",
        issued_at=received_at,
        received_at=received_at,
        starts_at=FROM,
        ends_at=at("19:00"),
        injection_change_kw=500.0,
        baseline_kw=pack_f4(usual_wh(world)[WINDOW] / 1000 * 4),
        state="completed",
    )
    sites = {site_key(site): site for site in sites_on(portfolio_id=world.portfolio_id, day=DAY)}
    events, notes = gather_events(
        award=awards_on(portfolio_id=world.portfolio_id, day=DAY)["demand_response"],
        sites=sites,
        metered_wh={SITE: [int(wh) for wh in metered_wh]},
        day=DAY,
        grid=GRID,
        pack=pack_on(park_id=world.park_id, day=DAY),
        as_of=at("09:00") + timedelta(days=1),
    )
    return events[0], notes[0]["baselines"][SITE]


def test_an_intraday_call_adjusts_by_the_hours_before_it(world):
    usual = usual_wh(world)
    event, told = settle_with(world, usual * 1.1)
    assert (told["adjustment"], told["capped"]) == ("ratio", False)
    assert told["factor"] == pytest.approx(1.1, abs=1e-4)
    assert [event.baseline_wh[SITE][t] for t in sorted(event.ordered_wh)] == pytest.approx(list(usual[WINDOW] * 1.1), rel=1e-3)


@pytest.mark.parametrize(("level", "factor"), [(1.7, 1.2), (0.3, 0.8)])
def test_the_cap_of_the_pack_is_kept_and_recorded(world, level, factor):
    _, told = settle_with(world, usual_wh(world) * level)
    assert (told["factor"], told["capped"]) == (factor, True)


def test_nothing_metered_after_the_call_moves_the_baseline(world):
    pretended = usual_wh(world) * 1.1
    pretended[NOTIFIED:] *= 5
    _, told = settle_with(world, pretended)
    assert told["factor"] == pytest.approx(1.1, abs=1e-4)


def test_a_call_in_the_middle_of_a_period_leaves_that_period_out(world):
    pretended = usual_wh(world) * 1.1
    pretended[NOTIFIED - 1 :] *= 5
    _, told = settle_with(world, pretended, received_at=CALLED - timedelta(minutes=1))
    assert told["factor"] == pytest.approx(1.1, abs=1e-4)


def test_a_call_on_the_day_before_leaves_the_baseline_and_says_why(world):
    usual = usual_wh(world)
    event, told = settle_with(world, usual * 1.1, received_at=eve("18:00"))
    assert (told["adjustment"], told["factor"]) == ("notified_before_the_window", 1.0)
    assert [event.baseline_wh[SITE][t] for t in sorted(event.ordered_wh)] == pytest.approx(list(usual[WINDOW]), abs=1)

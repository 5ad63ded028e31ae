"""What summary.json counts of setpoints and plans: each once, and disobedience only where nothing excuses it."""

from types import SimpleNamespace

import numpy as np
import pytest

from aggregator.assets.models import Asset
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.support.arrays import pack_f4
from market.bids.models import Bid
from tests.integration.market.settlement.tiny_day import DAY, GRID, build
from vpp.replay.summary import Summary, _market, _setpoints

pytestmark = pytest.mark.django_db
SIX = ("followed", "contradicted", "owner_need", "unverified", "superseded", "pending")


@pytest.fixture
def tiny():
    return build()


def counted(tiny) -> dict:
    found = Summary()
    _setpoints(found, SimpleNamespace(portfolio_id=tiny.portfolio.pk), GRID)
    return found.values


def another(setpoint: Setpoint, hour: int, **changes) -> Setpoint:
    fields = {f.name: getattr(setpoint, f.name) for f in Setpoint._meta.fields if f.name not in ("id", "public_id", "created_at")}
    return Setpoint.objects.create(**fields | {"starts_at": GRID.starts[hour], "ends_at": GRID.starts[hour + 1]} | changes)


def test_every_setpoint_is_counted_once_whatever_became_of_it(tiny):
    storage = tiny.setpoints["B-storage"]
    another(storage, 14, state="superseded", outcome="pending")
    another(storage, 15, state="expired", outcome="unverified")
    another(storage, 16, state="accepted", outcome="pending")
    found = counted(tiny)
    assert {name: found[name] for name in SIX} == {
        "followed": 1,
        "contradicted": 1,
        "owner_need": 0,
        "unverified": 1,
        "superseded": 1,
        "pending": 1,
    }
    assert found["setpoints"] == sum(found[name] for name in SIX) == 5
    assert found["acknowledged"] == 2  # those with an accepting acknowledgement


def test_cars_in_need_are_counted_apart_and_disobedience_by_name(tiny):
    assert counted(tiny)["contradicted_assets"] == ["B-storage"]
    Asset.objects.filter(code="B-storage").update(kind="ev_station")
    found = counted(tiny)
    assert (found["contradicted"], found["owner_need"], found["contradicted_assets"]) == (0, 1, [])


def test_withheld_plans_are_counted(tiny):
    assert counted(tiny)["plans_withheld"] == 0
    DispatchPlan.objects.update(violations=[{"subject": "A/main/load", "limit": "must_run", "starts_at": "", "by": 4.9}])
    assert counted(tiny)["plans_withheld"] == 1


def test_the_energy_of_the_spot_bid_is_what_its_plan_injects(tiny):
    Bid.objects.filter(product="spot").update(expected_kw=pack_f4(np.full(24, -500.0)))
    found = Summary()
    _market(found, SimpleNamespace(portfolio_id=tiny.portfolio.pk), DAY)
    assert found.values["spot_bid_mwh"] == -12.0
    assert found.values["spot_award_mwh"] == -1.181

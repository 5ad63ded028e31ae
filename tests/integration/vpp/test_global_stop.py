"""The global stop through its page: effect shown, reason typed, everything to its fallback, and written in the chain."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from aggregator.dispatch.models import GlobalStop, Setpoint
from aggregator.support import audit
from aggregator.support.models import Alarm, AuditEvent
from tests.integration.aggregator.dispatch.park import StubGateway, build

pytestmark = pytest.mark.django_db
WHY = {"reason_code": "safety", "reason_text": "smoke in the battery room"}


@pytest.fixture
def park():
    return build(endpoints={"a": StubGateway(port=9), "b": StubGateway(port=9)})


@pytest.fixture
def operator() -> Client:
    user = User.objects.create_user("op", password="x" * 12, is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(user)
    return client


def test_the_page_shows_the_effect_before_the_deed(park, operator) -> None:
    page = operator.get(reverse("staff:stop")).content.decode()
    assert "4 assets are sent to their fallback" in page
    assert "bat-a" in page
    assert not GlobalStop.objects.exists()


@pytest.mark.parametrize("missing", [{"reason_text": ""}, {"reason_text": "short"}, {"reason_code": ""}, {"reason_code": "because"}])
def test_nothing_happens_without_a_reason(park, operator, missing: dict) -> None:
    answer = operator.post(reverse("staff:stop"), {**WHY, "deed": "stop", **missing})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not GlobalStop.objects.exists()
    assert not AuditEvent.objects.exists()


def test_stop_and_release(park, operator) -> None:
    assert operator.post(reverse("staff:stop"), {**WHY, "deed": "stop"}).status_code == 302
    assert Setpoint.objects.filter(plan__purpose="stop").values("asset").distinct().count() == 4
    banner = operator.get(reverse("staff:instructions")).content.decode()
    assert "every asset is at its fallback" in banner
    assert "smoke in the battery room" in banner
    assert Alarm.objects.get(kind="portfolio.stopped").cleared_at is None

    assert operator.post(reverse("staff:stop"), {**WHY, "reason_text": "the smoke is gone", "deed": "release"}).status_code == 302
    assert "every asset is at its fallback" not in operator.get(reverse("staff:instructions")).content.decode()
    assert Alarm.objects.get(kind="portfolio.stopped").cleared_at is not None

    chain = list(AuditEvent.objects.order_by("sequence").values_list("action", "actor", "reason_code", "reason_text"))
    assert chain == [
        ("dispatch.stop", "op", "safety", "smoke in the battery room"),
        ("dispatch.release_stop", "op", "safety", "the smoke is gone"),
    ]
    assert audit.first_broken() is None
    page = operator.get(reverse("staff:audit")).content.decode()
    assert "global stop released" in page
    assert "the smoke is gone" in page


def test_releasing_what_is_not_stopped_is_told(park, operator) -> None:
    answer = operator.post(reverse("staff:stop"), {**WHY, "deed": "release"}, follow=True)
    assert "No global stop is active." in answer.content.decode()


def test_the_stop_is_for_the_portfolio_in_the_address(park, operator) -> None:
    chosen = f"?portfolio={park.portfolio.public_id}"
    answer = operator.post(reverse("staff:stop") + chosen, {**WHY, "deed": "stop"})
    assert answer["Location"] == reverse("staff:overview") + chosen
    assert GlobalStop.objects.get().portfolio == park.portfolio

"""A manager keeps an own asset out for a time, through the portal; a viewer looks on, others see nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from aggregator.assets.models import Asset
from aggregator.assets.queries import commitments, opt_outs
from aggregator.enterprises.models import Enterprise
from aggregator.enterprises.operations import grant_membership
from aggregator.support import audit, clock
from aggregator.support.models import AuditEvent
from tests.integration.market.settlement.tiny_day import build, member, staff

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 6, 13, 2, 7, 30, tzinfo=UTC)  # 10:07:30 in the park
WINDOW = {"starts_at": "2025-06-14T08:00", "ends_at": "2025-06-14T12:30"}
WHY = {"reason_code": "production", "reason_text": "an urgent order has to be finished"}


@pytest.fixture
def tiny(settings):
    settings.VPP_ALLOW_TWIN = True
    clock.set_replay(NOW)
    return build()


@pytest.fixture
def manager(tiny) -> Client:
    user = User.objects.create_user("chen")
    grant_membership(user_id=user.pk, enterprise_id=Enterprise.objects.get(code="A").pk, role="manager")
    return signed_in(user)


def signed_in(user: User) -> Client:
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(user)
    return client


def page_of(code: str = "A-load") -> str:
    return reverse("portal:asset", args=[Asset.objects.get(code=code).public_id])


def windows(*, known_at: datetime = NOW) -> list[tuple[datetime, datetime]]:
    day = timedelta(days=1)
    found = commitments(
        asset_ids=[Asset.objects.get(code="A-load").pk],
        starts_at=NOW,
        ends_at=NOW + 90 * day,
        known_at=known_at,
        kinds=("opt_out", "outage"),
    )
    return [(window.starts_at, window.ends_at) for window in found]


def test_a_manager_keeps_an_asset_out_in_local_time(tiny, manager: Client) -> None:
    answer = manager.post(page_of(), {**WINDOW, **WHY}, follow=True)
    assert windows() == [(datetime(2025, 6, 14, 0, tzinfo=UTC), datetime(2025, 6, 14, 4, 30, tzinfo=UTC))]
    assert windows(known_at=NOW - timedelta(seconds=1)) == [], "it was not known before it was typed"
    assert "2025-06-14 08:00" in answer.content.decode()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.reason_code, event.reason_text) == ("asset.opt_out", "chen", *WHY.values())
    assert event.data["asset"] == "A-load"
    assert audit.first_broken() is None
    assert "kept out: 1" in manager.get(reverse("portal:assets")).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": "2025-06-13T10:06"},  # past
        {"ends_at": "2025-06-14T08:00"},  # empty
        {"ends_at": "2025-06-13T12:00"},  # backwards
        {"ends_at": "2025-07-15T08:01"},  # longer than 31 days
        {"starts_at": "soon"},
        {"starts_at": ""},
        {"reason_text": "short"},
        {"reason_code": "because"},
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(tiny, manager: Client, wrong: dict) -> None:
    answer = manager.post(page_of(), {**WINDOW, **WHY, **wrong})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert windows() == []
    assert not AuditEvent.objects.exists()


def test_this_very_minute_and_31_days_are_allowed(tiny, manager: Client) -> None:
    assert manager.post(page_of(), {"starts_at": "2025-06-13T10:07", "ends_at": "2025-07-14T10:07", **WHY}).status_code == 302
    assert len(windows()) == 1


def test_the_same_time_is_not_kept_out_twice(tiny, manager: Client) -> None:
    manager.post(page_of(), {**WINDOW, **WHY})
    overlapping = {"starts_at": "2025-06-14T12:00", "ends_at": "2025-06-14T14:00"}
    assert "kept out already" in manager.post(page_of(), {**overlapping, **WHY}).content.decode()
    assert len(windows()) == 1
    assert manager.post(page_of(), {"starts_at": "2025-06-14T12:30", "ends_at": "2025-06-14T14:00", **WHY}).status_code == 302
    assert len(windows()) == 2


def opted_out(manager: Client) -> str:
    manager.post(page_of(), {**WINDOW, **WHY})
    (window,) = opt_outs(asset_ids=[Asset.objects.get(code="A-load").pk], now=NOW)
    return reverse("portal:opt-out", args=[window.reference])


def test_a_time_is_given_up_by_a_new_fact(tiny, manager: Client) -> None:
    address = opted_out(manager)
    assert address in manager.get(page_of()).content.decode()
    later = NOW + timedelta(hours=1)
    clock.set_replay(later)
    assert manager.get(address).status_code == 200
    assert manager.post(address, {**WHY, "reason_text": ""}).status_code == 200
    assert manager.post(address, WHY).status_code == 302
    assert windows(known_at=later) == []
    assert len(windows(known_at=NOW)) == 1, "what was known before stays as it was"
    assert list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True)) == ["asset.opt_out", "asset.opt_in"]
    assert manager.post(address, WHY).status_code == 404
    assert manager.post(page_of(), {**WINDOW, **WHY}).status_code == 302, "the same time can be kept out again"
    assert len(windows(known_at=later)) == 1


def test_a_running_time_ends_when_it_is_given_up(tiny, manager: Client) -> None:
    address = opted_out(manager)
    inside = datetime(2025, 6, 14, 2, tzinfo=UTC)
    clock.set_replay(inside)
    assert manager.post(address, WHY).status_code == 302
    found = commitments(
        asset_ids=[Asset.objects.get(code="A-load").pk],
        starts_at=NOW,
        ends_at=inside + timedelta(days=1),
        known_at=inside,
        kinds=["opt_out"],
    )
    assert [(window.starts_at, window.ends_at) for window in found] == [(datetime(2025, 6, 14, 0, tzinfo=UTC), inside)]


def test_a_viewer_sees_the_list_but_no_form(tiny, manager: Client) -> None:
    address = opted_out(manager)
    viewer = signed_in(member("A"))
    page = viewer.get(page_of()).content.decode()
    assert "2025-06-14 08:00" in page
    assert 'name="reason_text"' not in page
    assert address not in page
    assert viewer.post(page_of(), {**WINDOW, **WHY}).status_code == 403
    assert viewer.get(address).status_code == viewer.post(address, WHY).status_code == 403
    assert len(windows()) == 1


@pytest.mark.parametrize("role", ["operator", "settlement", "auditor"])
def test_staff_look_on_as_well(tiny, role: str) -> None:
    client = signed_in(staff(role))
    address = f"{page_of()}?enterprise=A"
    assert client.get(address).status_code == 200
    assert client.post(address, {**WINDOW, **WHY}).status_code == 403


def test_another_enterprise_s_asset_does_not_exist(tiny, manager: Client) -> None:
    address = opted_out(manager)
    stranger = User.objects.create_user("wang")
    grant_membership(user_id=stranger.pk, enterprise_id=Enterprise.objects.get(code="B").pk, role="manager")
    client = signed_in(stranger)
    for path in (page_of(), address, f"{page_of()}?enterprise=B", f"{page_of()}?enterprise=A"):
        assert client.get(path).status_code == client.post(path, {**WINDOW, **WHY}).status_code == 404
    assert manager.get(page_of("B-storage")).status_code == 404
    assert len(windows()) == 1

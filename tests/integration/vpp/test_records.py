"""The records back office: every staff role reads every record of the product, nobody writes one."""

import hashlib

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from aggregator.assets.models import Asset
from aggregator.assets.operations import opt_out
from aggregator.dispatch.models import DispatchPlan, FleetRun, FleetShard, OptimisationRun, SetpointDelivery
from aggregator.dispatch.operations import activate_stop
from aggregator.enterprises.operations import register_feeder
from aggregator.gateways.models import Channel, Gateway
from aggregator.support import jobs
from aggregator.support.alarms import raise_alarm
from aggregator.support.records import ReadOnlyAdmin
from market.platforms.models import DeliveryAttempt, InboundMessage, Platform
from market.platforms.operations import send_message
from market.settlement.operations import close_day
from tests.integration.market.settlement.tiny_day import DAY, HOUR, SETTLE_AT, build, member, staff

pytestmark = pytest.mark.django_db
RECORDS = [model for model, shown in admin.site._registry.items() if isinstance(shown, ReadOnlyAdmin)]
OTHERS = [model for model in admin.site._registry if model not in RECORDS]
ROLES = ("operator", "settlement", "auditor")
# The worked day has no rows of these.
WITHOUT_ROWS = {
    *("ForecastRun", "ForecastScore", "ForecastState", "ChargingSession", "TelemetryDay"),
    *("Invitation", "ParetoReport", "DeclaredObjective"),
}


@pytest.fixture
def filled():
    """The worked day, and one row of what it lacks: messages, a job, an alarm, a stop with its event in the chain."""
    made = build()
    close_day(portfolio_id=made.portfolio.pk, day=DAY, as_of=SETTLE_AT, reason="", now=SETTLE_AT)
    boss = User.objects.create_superuser("boss")
    why = {"user": boss, "reason_code": "drill", "reason_text": "a row for the records", "now": SETTLE_AT}
    opt_out(asset_id=Asset.objects.get(code="A-load").pk, starts_at=SETTLE_AT, ends_at=SETTLE_AT + HOUR, **why)
    activate_stop(portfolio_id=made.portfolio.pk, **why)
    platform = Platform.objects.get()
    sent = send_message(platform_id=platform.pk, type="bid.submitted", reference="r", data={"a": 1}, now=SETTLE_AT)
    DeliveryAttempt.objects.create(message=sent, number=1, at=SETTLE_AT, status=500, milliseconds=3)
    digest = hashlib.sha256(b"{}").hexdigest()
    InboundMessage.objects.create(platform=platform, message_id="m", type="t", body=b"{}", body_sha256=digest, received_at=SETTLE_AT)
    jobs.enqueue(name="market.bids.submit", key="k", payload={"bid_id": 0})
    raise_alarm(kind="job.dead", key="k", severity="critical", at=SETTLE_AT, job="j", error="e")
    gateway = Gateway.objects.create(site=Asset.objects.get(code="A-load").site, code="gw")
    Channel.objects.create(gateway=gateway, asset=Asset.objects.get(code="A-load"))
    SetpointDelivery.objects.create(
        plan=DispatchPlan.objects.first(), gateway=gateway, message_id="msg_gw", body=b"{}", expires_at=SETTLE_AT
    )
    register_feeder(site_id=gateway.site_id, code="t", import_limit_kw=100.0, export_limit_kw=50.0)
    _fleet_run(made.portfolio.pk)
    member("A")
    return made


def _fleet_run(portfolio_id: int) -> None:
    """A run in one shard with its result."""
    span = {"portfolio_id": portfolio_id, "reference": "r", "starts_at": SETTLE_AT, "resolution_s": 900, "n_periods": 96}
    money = {"cost_cny": -1.5, "lower_bound_cny": -1.6, "safe_cost_cny": 0.0, "inputs_hash": "h"}
    how = {"purpose": "fleet", "mode": "sharded", "status": "at_gap", "n_assets": 1, "n_sites": 1, "computed_at": SETTLE_AT}
    result = OptimisationRun.objects.create(**span, **money, **how)
    arrays = {"market": b"secret-array", "inputs_hash": "h", "seed": 0, "deadline_s": 1.0, "stage_at": SETTLE_AT}
    run = FleetRun.objects.create(**span, **arrays, n_shards=1, state="done", optimisation=result)
    FleetShard.objects.create(run=run, number=0, n_assets=1, n_sites=1, inputs=b"secret-array", inputs_hash="h")


def signed_in(user: User) -> Client:
    client = Client(headers={"host": "localhost", "accept-language": "en"})
    client.force_login(user)
    return client


def address(model: type, what: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_reads_every_record_and_writes_none(filled, role: str) -> None:
    client, without_rows = signed_in(staff(role)), set()
    assert len(RECORDS) > 40
    index = client.get(reverse("admin:index")).content.decode()
    for model in RECORDS:
        listed, row = address(model, "changelist"), model._default_manager.first()
        assert listed in index, model
        assert client.get(listed).status_code == 200, model
        assert client.post(listed, {"action": "delete_selected"}).status_code == 403, model
        assert client.get(address(model, "add")).status_code == 403, model
        assert client.post(address(model, "add")).status_code == 403, model
        if row is None:
            without_rows.add(model.__name__)
            continue
        detail = address(model, "change", row.pk)
        assert client.get(detail).status_code == 200, model
        assert client.post(detail, {"state": "done"}).status_code == 403, model
        assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model
        assert model._default_manager.filter(pk=row.pk).exists()
    assert without_rows <= WITHOUT_ROWS


@pytest.mark.parametrize("role", ROLES)
def test_accounts_and_schedules_are_not_for_staff_roles(filled, role: str) -> None:
    client = signed_in(staff(role))
    assert OTHERS
    for model in OTHERS:
        assert client.get(address(model, "changelist")).status_code == 403, model


def test_no_secret_stands_in_the_records(filled) -> None:
    Platform.objects.update(sealed_secret="sealed-one", sealed_previous_secret="sealed-two")
    page = signed_in(staff("auditor")).get(address(Platform, "change", Platform.objects.get().pk)).content.decode()
    assert "sealed-one" not in page
    assert "sealed-two" not in page


def test_arrays_are_left_out_of_the_records(filled) -> None:
    client = signed_in(staff("auditor"))
    for model in (FleetRun, FleetShard):
        page = client.get(address(model, "change", model.objects.get().pk)).content.decode()
        assert "secret-array" not in page
        assert 'field-inputs_hash"' in page
        assert not any(f'field-{name}"' in page for name in ("market", "mu", "inputs", "moves", "portfolio_kw"))


def test_a_superuser_manages_people_but_no_record(filled) -> None:
    client = signed_in(User.objects.get(username="boss"))
    for model in OTHERS:
        assert client.get(address(model, "changelist")).status_code == 200, model
    assert client.get(reverse("admin:auth_user_add")).status_code == 200
    assert client.get(reverse("admin:aggregator_membership_add")).status_code == 200
    assert client.get(reverse("admin:aggregator_asset_add")).status_code == 403


@pytest.mark.parametrize("kind", ["member", "staff without a role", "member with every single permission"])
def test_nobody_else_gets_anything(filled, kind: str) -> None:
    person = User.objects.get(username="member-A")
    if kind == "staff without a role":
        person = User.objects.create_user("idle", is_staff=True)
    elif "permission" in kind:
        person.user_permissions.set(Permission.objects.all())
    client = signed_in(person)
    for model in [*RECORDS, *OTHERS]:
        row = model._default_manager.first()
        for path in (address(model, "changelist"), address(model, "change", row.pk if row else 1)):
            for answer in (client.get(path), client.post(path)):
                assert answer.status_code == 302, model
                assert answer["Location"].startswith("/records/login/")

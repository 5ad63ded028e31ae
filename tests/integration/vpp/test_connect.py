"""connect_gateway and connect_platform: a production installation meets its gateways and its market."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from aggregator.gateways import operations as gateways
from aggregator.gateways.models import Gateway
from aggregator.gateways.queries import authenticate
from aggregator.support.http import AddressRefused
from aggregator.support.models import AuditEvent
from aggregator.support.secrets import unseal
from market.platforms import operations as platforms
from market.platforms.models import Platform
from market.platforms.operations.endpoints import live_secrets
from tests.integration.aggregator.sites import small_site
from tests.integration.market.platforms.conftest import make_platform

URL = "https://93.184.216.34/setpoints"  # an address, so that no test asks a name server
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = {"actor": "liu", "reason_code": "connection", "reason_text": "installed on site", "now": NOW}
pytestmark = pytest.mark.django_db


@pytest.fixture
def fresh():
    """A site whose gateway was never connected, as import_park leaves it."""
    site = small_site()
    Gateway.objects.update(api_key_prefix=None, api_key_sha256="", sealed_secret="")
    return site


def connect(name="north-gateway", **changes):
    return gateways.connect_gateway(**{"name": name, "enterprise_code": None, "url": URL, "rotate": False, **WHO, **changes})


def test_the_command_prints_the_gateways_key_and_secret_once(fresh, capsys):
    arguments = ("connect_gateway", "north-gateway", "--endpoint", URL, "--reason", "installed on site")
    call_command(*arguments)
    printed = capsys.readouterr().out
    key = printed.partition("api key")[2].split()[0]
    assert authenticate(api_key=key).code == "north-gateway"
    row = Gateway.objects.get()
    assert unseal(row.sealed_secret) in printed
    assert (row.endpoint_url, row.loopback_exception) == (URL, "")
    call_command(*arguments)
    assert "api key" not in capsys.readouterr().out
    assert authenticate(api_key=key)


def test_what_was_done_stands_in_the_audit_record_with_its_reason(fresh):
    connect()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.reason_text, event.data["endpoint"]) == ("gateway.connect", "liu", "installed on site", URL)
    with pytest.raises(gateways.audit.ReasonMissing):
        connect(reason_text="  ")


def test_rotation_ends_the_gateways_old_key(fresh):
    old = connect().credentials
    new = connect(rotate=True).credentials
    assert authenticate(api_key=old.api_key) is None
    assert authenticate(api_key=new.api_key)


def test_a_gateway_that_the_twin_spoke_for_gets_new_credentials(fresh):
    gateways.issue_credentials(gateway_id=fresh.gateway.id)
    gateways.set_endpoint(gateway_id=fresh.gateway.id, url="http://127.0.0.1:9/setpoints", loopback_exception="127.0.0.1:9")
    assert connect().credentials is not None


@pytest.mark.parametrize(
    "url",
    ["http://93.184.216.34/", "https://127.0.0.1/", "https://10.0.0.8/", "https://93.184.216.34:22/", "https://u@93.184.216.34/", "x"],
)
def test_an_address_that_may_not_be_sent_to_is_refused_and_nothing_is_changed(fresh, url):
    with pytest.raises(AddressRefused):
        connect(url=url)
    make_platform("market")
    with pytest.raises(AddressRefused):
        platforms.connect_platform(code="market", url=url, rotate=True, wall=NOW, **WHO)
    assert Gateway.objects.get().endpoint_url == ""
    assert not AuditEvent.objects.exists()


def test_an_unknown_gateway_is_named_with_those_that_there_are(fresh):
    with pytest.raises(CommandError, match=r"gateways\.unknown.*north-gateway"):
        call_command("connect_gateway", "nowhere", "--endpoint", URL, "--reason", "installed on site")


def test_of_two_gateways_with_one_code_the_enterprise_or_the_identity_decides(fresh):
    other = small_site("south")
    Gateway.objects.filter(pk=other.gateway.id).update(code="north-gateway")
    with pytest.raises(gateways.GatewayAmbiguous):
        connect()
    assert connect(enterprise_code="south").enterprise == "south"
    assert connect(name=str(fresh.gateway.public_id)).enterprise == "north"


def test_the_command_prints_the_platforms_secret_once(db, capsys):
    make_platform("market")
    Platform.objects.update(sealed_secret="")
    arguments = ("connect_platform", "market", "--endpoint", URL, "--reason", "account opened")
    call_command(*arguments)
    row = Platform.objects.get()
    assert row.endpoint_url == URL
    secret = unseal(row.sealed_secret)
    assert secret in capsys.readouterr().out
    call_command(*arguments)
    assert "whsec_" not in capsys.readouterr().out
    assert unseal(Platform.objects.get().sealed_secret) == secret


def test_a_platforms_old_secret_stays_valid_for_its_overlap(db):
    row = make_platform("market")
    old = unseal(row.sealed_secret)
    done = platforms.connect_platform(code="market", url=URL, rotate=True, wall=NOW, **WHO)
    row.refresh_from_db()
    assert live_secrets(row, wall=NOW) == [done.secret, old]
    assert live_secrets(row, wall=NOW + timedelta(hours=25)) == [done.secret]
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["platform.connect", "platform.rotate_secret"]


def test_a_new_address_starts_without_the_failures_of_the_old_one(db):
    make_platform("market", failures_in_row=100, failing_since=NOW, stopped_reason="gone")
    platforms.connect_platform(code="market", url=URL, rotate=False, wall=NOW, **WHO)
    row = Platform.objects.get()
    assert (row.stopped_reason, row.failures_in_row, row.failing_since) == ("", 0, None)


def test_an_unknown_platform_is_named_with_those_that_there_are(db):
    make_platform("market")
    with pytest.raises(CommandError, match=r"platform\.not_registered.*market"):
        call_command("connect_platform", "nowhere", "--endpoint", URL, "--reason", "account opened")

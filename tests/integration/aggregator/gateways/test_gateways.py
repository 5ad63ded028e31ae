"""Keys, endpoints and signed setpoints of gateways."""

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from aggregator.gateways import client, operations, queries
from aggregator.gateways.models import Gateway
from aggregator.kernel.errors import NotFound
from aggregator.kernel.signing import verify
from tests.integration.aggregator.sites import small_site

NOW = datetime(2025, 7, 2, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_the_key_names_its_gateway_and_only_its_digest_is_stored():
    site = small_site()
    assert queries.authenticate(api_key=site.api_key).id == site.gateway.id
    assert queries.authenticate(api_key=site.api_key[:-1] + "!") is None
    assert queries.authenticate(api_key="") is None
    row = Gateway.objects.get(pk=site.gateway.id)
    assert site.api_key not in (row.api_key_sha256, row.api_key_prefix)
    assert site.secret not in row.sealed_secret
    assert row.sealed_secret not in repr(site.gateway)


def test_new_credentials_end_the_old_ones():
    site = small_site()
    fresh = operations.issue_credentials(gateway_id=site.gateway.id)
    assert queries.authenticate(api_key=site.api_key) is None
    assert queries.authenticate(api_key=fresh.api_key).id == site.gateway.id
    with pytest.raises(NotFound):
        operations.issue_credentials(gateway_id=0)


def test_channels_tell_the_gateway_of_an_asset():
    north, south = small_site("north"), small_site("south")
    found = queries.channels(asset_ids=[north.asset_ids["pv"], south.asset_ids["pv"], 0])
    assert {pk: facts.code for pk, facts in found.items()} == {
        north.asset_ids["pv"]: "north-gateway",
        south.asset_ids["pv"]: "south-gateway",
    }


def test_a_gateway_speaks_for_its_own_site_only():
    north, south = small_site("north"), small_site("south")
    with pytest.raises(operations.ChannelOfAnotherSite):
        operations.connect_asset(gateway_id=north.gateway.id, asset_id=south.asset_ids["pv"])


def test_a_sign_of_life_never_moves_back_and_is_written_sparingly():
    site = small_site()

    def seen():
        return Gateway.objects.get(pk=site.gateway.id).last_seen_at

    operations.mark_seen(gateway_id=site.gateway.id, at=NOW)
    operations.mark_seen(gateway_id=site.gateway.id, at=NOW - timedelta(hours=1))
    operations.mark_seen(gateway_id=site.gateway.id, at=NOW + timedelta(seconds=3))
    assert seen() == NOW
    operations.mark_seen(gateway_id=site.gateway.id, at=NOW + timedelta(minutes=1))
    assert seen() == NOW + timedelta(minutes=1)


@pytest.fixture
def receiver():
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


def test_setpoints_are_signed_with_the_secret_of_the_gateway(receiver):
    site = small_site()
    address, got = receiver
    operations.set_endpoint(gateway_id=site.gateway.id, url=f"http://{address}/setpoints", loopback_exception=address)
    facts = queries.gateway(gateway_id=site.gateway.id)
    sent = client.send_setpoints(gateway=facts, message_id="msg_1", body=b'{"type": "setpoints.issued"}', wall=NOW)
    assert (sent.status, sent.ok) == (202, True)
    headers, body = got[0]
    verify(
        secrets=[site.secret],
        message_id=headers["webhook-id"],
        timestamp=headers["webhook-timestamp"],
        signature=headers["webhook-signature"],
        body=body,
        now=int(NOW.timestamp()),
    )


def test_a_loopback_address_is_refused_without_its_exception(receiver, settings):
    site = small_site()
    address, got = receiver
    operations.set_endpoint(gateway_id=site.gateway.id, url=f"http://{address}/setpoints", loopback_exception=address)
    settings.VPP_ALLOW_TWIN = False
    sent = client.send_setpoints(gateway=queries.gateway(gateway_id=site.gateway.id), message_id="msg_1", body=b"{}", wall=NOW)
    assert (sent.status, sent.ok, got) == (None, False, [])
    assert sent.text


def test_without_endpoint_nothing_is_sent():
    site = small_site()
    assert not client.send_setpoints(gateway=site.gateway, message_id="msg_1", body=b"{}", wall=NOW).ok

"""Issue credentials, say where setpoints go, and note signs of life."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from aggregator.gateways.domain import new_key
from aggregator.gateways.models import Channel, Gateway
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.signing import new_secret
from aggregator.support.secrets import seal

# A sign of life is written this often at most: telemetry of a busy gateway must not rewrite its row.
SEEN_EVERY = timedelta(seconds=10)


class ChannelOfAnotherSite(Anticipated):
    code = "gateways.channel_of_another_site"
    text = "The gateway %(gateway)s may only speak for assets of its own site; %(asset)s stands elsewhere."
    status = 422


@dataclass(frozen=True)
class Credentials:
    """Shown once: the gateway's key, and the secret that proves our setpoints to it."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)


def register_gateway(*, site_id: int, code: str) -> int:
    """Create the gateway if it is new. Returns its id."""
    row, _ = Gateway.objects.get_or_create(site_id=site_id, code=code)
    return row.pk


def connect_asset(*, gateway_id: int, asset_id: int) -> None:
    """Let the gateway speak for an asset of its site (and no other gateway). Raises ChannelOfAnotherSite."""
    row = Gateway.objects.get(pk=gateway_id)
    channel = Channel.objects.filter(asset_id=asset_id).first() or Channel(asset_id=asset_id)
    if channel.asset.site_id != row.site_id:
        raise ChannelOfAnotherSite(gateway=row.code, asset=channel.asset.code)
    if channel.gateway_id != gateway_id:
        channel.gateway = row
        channel.save()


def issue_credentials(*, gateway_id: int) -> Credentials:
    """New key and secret; the old ones end at once. Raises NotFound."""
    key, secret = new_key(), new_secret()
    changed = Gateway.objects.filter(pk=gateway_id).update(api_key_prefix=key.prefix, api_key_sha256=key.sha256, sealed_secret=seal(secret))
    if not changed:
        raise NotFound(what="gateway")
    return Credentials(api_key=key.text, secret=secret)


def set_endpoint(*, gateway_id: int, url: str, loopback_exception: str = "") -> None:
    """Where setpoints go. `loopback_exception` is the twin's exact host:port; sending refuses it in production.

    Raises NotFound.
    """
    if not Gateway.objects.filter(pk=gateway_id).update(endpoint_url=url, loopback_exception=loopback_exception):
        raise NotFound(what="gateway")


def mark_seen(*, gateway_id: int, at: datetime) -> None:
    """The gateway was heard at `at`. Never moves back."""
    unknown_or_old = Q(last_seen_at=None) | Q(last_seen_at__lte=at - SEEN_EVERY)
    Gateway.objects.filter(unknown_or_old, pk=gateway_id).update(last_seen_at=at)

"""Connect a gateway (credentials, where setpoints go), and note signs of life."""

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from aggregator.gateways.domain import new_key
from aggregator.gateways.models import Channel, Gateway
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.signing import new_secret
from aggregator.support import audit, http
from aggregator.support.secrets import seal

# A sign of life is written this often at most: telemetry of a busy gateway must not rewrite its row.
SEEN_EVERY = timedelta(seconds=10)
NAMED = 10  # gateways in a message


class ChannelOfAnotherSite(Anticipated):
    code = "gateways.channel_of_another_site"
    text = "The gateway %(gateway)s may only speak for assets of its own site; %(asset)s stands elsewhere."
    status = 422


class GatewayUnknown(Anticipated):
    code = "gateways.unknown"
    text = "There is no gateway %(gateway)s. There are: %(there)s."
    status = 404


class GatewayAmbiguous(Anticipated):
    code = "gateways.ambiguous"
    text = "Several gateways are called %(gateway)s: %(there)s. Name the enterprise, or give the identity instead of the code."
    status = 409


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


@dataclass(frozen=True)
class Connected:
    """`credentials` None = the gateway keeps those that it has."""

    gateway: str
    enterprise: str
    credentials: Credentials | None


@transaction.atomic
def connect_gateway(
    *, name: str, enterprise_code: str | None, url: str, rotate: bool, actor: str, reason_code: str, reason_text: str, now: datetime
) -> Connected:
    """Setpoints of the gateway `name` (its code or public_id) go to `url`; the first time, or to `rotate`, with new credentials.

    A gateway that the park twin spoke for gets new ones as well. Raises ReasonMissing, GatewayUnknown, GatewayAmbiguous,
    AddressRefused.
    """
    if not reason_text.strip():
        raise audit.ReasonMissing()
    row = _named(name, enterprise_code)
    http.check(url)
    fresh = rotate or not row.sealed_secret or bool(row.loopback_exception)
    audit.record(
        at=now, actor=actor, action="gateway.connect", subject=str(row.public_id), reason_code=reason_code, reason_text=reason_text,
        data={"gateway": row.code, "endpoint": url, "endpoint_before": row.endpoint_url, "new_credentials": fresh},
    )  # fmt: skip
    set_endpoint(gateway_id=row.pk, url=url)
    credentials = issue_credentials(gateway_id=row.pk) if fresh else None
    return Connected(row.code, row.site.enterprise.code, credentials)


def _named(name: str, enterprise_code: str | None) -> Gateway:
    rows = Gateway.objects.select_related("site__enterprise").order_by("code", "pk")
    if enterprise_code is not None:
        rows = rows.filter(site__enterprise__code=enterprise_code)
    named = Q(code=name)
    with contextlib.suppress(ValueError):
        named |= Q(public_id=UUID(name))
    found = list(rows.filter(named).select_for_update(of=("self",)))
    if not found:
        raise GatewayUnknown(gateway=name, there=_listed(list(rows.values_list("code", flat=True))))
    if len(found) > 1:
        places = [f"{row.public_id} ({row.site.enterprise.code}, {row.site.code})" for row in found]
        raise GatewayAmbiguous(gateway=name, there=_listed(places))
    return found[0]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "") if names else "–"


def mark_seen(*, gateway_id: int, at: datetime) -> None:
    """The gateway was heard at `at`. Never moves back."""
    unknown_or_old = Q(last_seen_at=None) | Q(last_seen_at__lte=at - SEEN_EVERY)
    Gateway.objects.filter(unknown_or_old, pk=gateway_id).update(last_seen_at=at)

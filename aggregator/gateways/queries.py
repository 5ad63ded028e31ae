"""Who a gateway is, and which gateway speaks for an asset."""

from collections.abc import Collection

from aggregator.gateways.domain import GatewayFacts, fits, prefix_of
from aggregator.gateways.models import Channel, Gateway
from aggregator.kernel.errors import NotFound


def _facts(row: Gateway) -> GatewayFacts:
    return GatewayFacts(
        id=row.pk,
        public_id=row.public_id,
        code=row.code,
        site_id=row.site_id,
        enterprise_code=row.site.enterprise.code,
        endpoint_url=row.endpoint_url,
        loopback_exception=row.loopback_exception,
        last_seen_at=row.last_seen_at,
        sealed_secret=row.sealed_secret,
    )


def authenticate(*, api_key: str) -> GatewayFacts | None:
    """The gateway that holds this key, or None."""
    prefix = prefix_of(api_key)
    if not prefix:
        return None
    row = Gateway.objects.select_related("site__enterprise").filter(api_key_prefix=prefix).first()
    if row is None or not fits(key=api_key, sha256=row.api_key_sha256):
        return None
    return _facts(row)


def gateway(*, gateway_id: int) -> GatewayFacts:
    """Raises NotFound."""
    row = Gateway.objects.select_related("site__enterprise").filter(pk=gateway_id).first()
    if row is None:
        raise NotFound(what="gateway")
    return _facts(row)


def channels(*, asset_ids: Collection[int]) -> dict[int, GatewayFacts]:
    """{asset_id: gateway that speaks for it}; an asset without a channel is absent."""
    rows = Channel.objects.filter(asset_id__in=asset_ids).select_related("gateway__site__enterprise")
    return {row.asset_id: _facts(row.gateway) for row in rows.order_by("asset__code", "asset_id")}

"""From rows to the twin: which assets stand where, behind which gateway and meter; and the way back to us.

The twin's addresses are named exceptions on the loopback interface: exact host and port, refused in
production (VPP_ALLOW_TWIN), and never put in place of an address that belongs to somebody else.
"""

from dataclasses import dataclass

from django.conf import settings

from aggregator.assets.domain import parse_spec
from aggregator.assets.models import Asset
from aggregator.enterprises.models import Park
from aggregator.gateways.models import Channel, Gateway
from aggregator.gateways.operations import Credentials, issue_credentials, set_endpoint
from aggregator.kernel.errors import Anticipated
from aggregator.metering.models import MeteringPoint
from aggregator.support.secrets import unseal
from market.platforms.models import Platform
from market.platforms.operations import issue_secret
from vpp.twin.plant import PlantAsset

LOOPBACK = "http://127.0.0.1:"


class TwinRefused(Anticipated):
    code = "twin.refused"
    text = "The park twin is refused here: set VPP_ALLOW_TWIN=1 (never on a production host)."
    status = 403


class EndpointTaken(Anticipated):
    code = "twin.endpoint_taken"
    text = "%(what)s %(code)s already sends to %(url)s; the park twin does not take its place."
    status = 409


class ParkHasNoPlatform(Anticipated):
    code = "twin.no_platform"
    text = "The park %(park)s has no market platform."
    status = 409


@dataclass(frozen=True)
class GatewayPlace:
    """One gateway: `assets` maps public_id to code."""

    id: int
    code: str
    site: str
    assets: dict[str, str]


@dataclass(frozen=True)
class MeterPlace:
    """One metering point: of the asset `asset`, or of the connection of `site`."""

    code: str
    kind: str
    site: str
    asset: str | None


@dataclass(frozen=True)
class ParkPlaces:
    park_id: int
    park: str
    resolution_s: int
    synthetic: bool
    assets: tuple[PlantAsset, ...]
    gateways: tuple[GatewayPlace, ...]
    meters: tuple[MeterPlace, ...]
    platform_id: int
    platform: str
    portfolio_id: int


def places(*, park_code: str) -> ParkPlaces:
    """Everything of the park that the twin stands in for. Raises ParkHasNoPlatform."""
    park = Park.objects.get(code=park_code)
    platform = Platform.objects.filter(portfolio__park=park).order_by("code").first()
    if platform is None:
        raise ParkHasNoPlatform(park=park_code)
    assets = Asset.objects.filter(site__enterprise__park=park).select_related("site").order_by("code")
    channels: dict[int, dict[str, str]] = {}
    for channel in Channel.objects.filter(asset__in=assets).select_related("asset").order_by("asset__code"):
        channels.setdefault(channel.gateway_id, {})[str(channel.asset.public_id)] = channel.asset.code
    gateways = Gateway.objects.filter(site__enterprise__park=park).select_related("site").order_by("site__code", "code")
    points = MeteringPoint.objects.filter(site__enterprise__park=park).select_related("site", "asset").order_by("code")
    return ParkPlaces(
        park_id=park.pk,
        park=park.code,
        resolution_s=park.resolution_s,
        synthetic=park.synthetic,
        assets=tuple(PlantAsset(a.code, a.kind, parse_spec(a.kind, a.spec), a.site.code) for a in assets),
        gateways=tuple(GatewayPlace(g.pk, g.code, g.site.code, channels.get(g.pk, {})) for g in gateways),
        meters=tuple(MeterPlace(p.code, p.kind, p.site.code, p.asset.code if p.asset else None) for p in points),
        platform_id=platform.pk,
        platform=platform.code,
        portfolio_id=platform.portfolio_id,
    )


def gateway_credentials(place: GatewayPlace, *, address: str) -> Credentials:
    """Fresh keys of a gateway, whose setpoints now go to the twin. Raises TwinRefused, EndpointTaken."""
    _allowed()
    row = Gateway.objects.get(pk=place.id)
    _free(what="gateway", code=place.code, url=row.endpoint_url)
    set_endpoint(gateway_id=place.id, url=f"http://{address}{setpoints_path(place)}", loopback_exception=address)
    return issue_credentials(gateway_id=place.id)


def setpoints_path(place: GatewayPlace) -> str:
    return f"/gateways/{place.id}/setpoints"


def platform_secret(park: ParkPlaces, *, address: str, path: str) -> str:
    """The secret shared with the operator, whose messages now go to the twin. Raises TwinRefused, EndpointTaken."""
    _allowed()
    row = Platform.objects.get(pk=park.platform_id)
    _free(what="platform", code=row.code, url=row.endpoint_url)
    Platform.objects.filter(pk=row.pk).update(endpoint_url=f"http://{address}{path}", loopback_exception=address)
    return unseal(row.sealed_secret) if row.sealed_secret else issue_secret(platform_id=row.pk)


def _allowed() -> None:
    if not settings.VPP_ALLOW_TWIN:
        raise TwinRefused()


def _free(*, what: str, code: str, url: str) -> None:
    if url and not url.startswith(LOOPBACK):
        raise EndpointTaken(what=what, code=code, url=url)

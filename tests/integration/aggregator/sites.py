"""A small park for the tests of gateways, telemetry and metering."""

from dataclasses import dataclass
from typing import Any

from aggregator.assets.models import Asset
from aggregator.assets.operations import register_asset
from aggregator.enterprises.models import Enterprise, Park, Site
from aggregator.gateways.operations import connect_asset, issue_credentials, register_gateway
from aggregator.gateways.queries import GatewayFacts, gateway
from aggregator.metering.operations import register_point

SPECS: dict[str, dict[str, Any]] = {
    "pv": {"rated_kw": 1000},
    "storage": {"energy_kwh": 2000, "charge_kw": 1000, "discharge_kw": 1000},
    "ev_station": {"connectors": 10, "connector_kw": 60, "station_limit_kw": 400},
    "load": {"rated_kw": 3000, "must_run_kw": 1000},
}


@dataclass(frozen=True)
class SmallSite:
    """One site with a gateway that speaks for an asset of each kind, and its meters."""

    site_id: int
    gateway: GatewayFacts
    api_key: str
    secret: str
    asset_ids: dict[str, int]
    public_ids: dict[str, str]
    connection_code: str


def small_site(code: str = "north", *, park: str = "park", time_zone: str = "Asia/Shanghai") -> SmallSite:
    names = {"name_zh": code, "name_en": code}
    place = {"province": "LN", "latitude": 41.8, "longitude": 123.4, "synthetic": True, "manifest_sha256": "0" * 64, "time_zone": time_zone}
    park_row, _ = Park.objects.get_or_create(code=park, defaults={"name_zh": park, "name_en": park, **place})
    enterprise = Enterprise.objects.create(park=park_row, code=code, **names)
    site = Site.objects.create(
        enterprise=enterprise, code=f"{code}-site", import_limit_kw=5000, export_limit_kw=5000, tariff_class="large_industry", **names
    )
    gateway_id = register_gateway(site_id=site.pk, code=f"{code}-gateway")
    credentials = issue_credentials(gateway_id=gateway_id)
    asset_ids = {
        kind: register_asset(site_id=site.pk, code=f"{code}-{kind}", kind=kind, spec=spec, **names) for kind, spec in SPECS.items()
    }
    for asset_id in asset_ids.values():
        connect_asset(gateway_id=gateway_id, asset_id=asset_id)
    connection_code = f"{code}-meter"
    register_point(site_id=site.pk, code=connection_code)
    return SmallSite(
        site_id=site.pk,
        gateway=gateway(gateway_id=gateway_id),
        api_key=credentials.api_key,
        secret=credentials.secret,
        asset_ids=asset_ids,
        public_ids={kind: str(Asset.objects.get(pk=pk).public_id) for kind, pk in asset_ids.items()},
        connection_code=connection_code,
    )

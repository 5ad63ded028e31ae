"""The park of the telemetry benchmark: gateways, their assets, and repeatable made-up values."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import numpy as np

from aggregator.assets.models import Asset
from aggregator.enterprises.models import Enterprise, Park, Site
from aggregator.gateways.domain import GatewayFacts
from aggregator.gateways.models import Channel
from aggregator.gateways.operations import issue_credentials, register_gateway
from aggregator.gateways.queries import gateway
from aggregator.support import clock
from aggregator.telemetry.domain import Points
from aggregator.telemetry.partitions import ensure_partitions

GATEWAYS = 10
ASSETS_EACH = 100
ASSETS = GATEWAYS * ASSETS_EACH
STEP_S = 60
SPEC = {"energy_kwh": 2000, "charge_kw": 1000, "discharge_kw": 1000}


@dataclass
class Sender:
    """A gateway, its assets and the minute up to which it has told."""

    facts: GatewayFacts
    api_key: str
    asset_ids: np.ndarray
    public_ids: list[str]
    minute: int = 0


class BenchPark:
    """GATEWAYS senders of ASSETS_EACH storages, whose next minutes are asked for again and again."""

    def __init__(self, *, minutes: int) -> None:
        self.starts_at = (clock.wall_now() - timedelta(minutes=minutes)).astimezone(UTC).replace(second=0, microsecond=0)
        self.random = np.random.default_rng(7)
        self.senders = _senders()
        days = {(self.starts_at + timedelta(minutes=k)).date() for k in range(0, minutes + 1440, 720)}
        ensure_partitions(days=days)

    def _values(self, minutes: int) -> tuple[np.ndarray, np.ndarray]:
        """Power [kW] and state of charge of a sender's assets, (assets, minutes)."""
        return self.random.normal(0, 300, (ASSETS_EACH, minutes)).round(1), self.random.random((ASSETS_EACH, minutes)).round(3)

    def points(self, *, sender: Sender, minutes: int) -> Points:
        """The sender's next minutes as checked points."""
        kw, soc = self._values(minutes)
        first_us = int((self.starts_at + timedelta(minutes=sender.minute)).timestamp()) * 1_000_000
        sender.minute += minutes
        n = ASSETS_EACH * minutes
        return Points(
            asset_id=np.repeat(sender.asset_ids, minutes),
            at_us=np.tile(first_us + STEP_S * 1_000_000 * np.arange(minutes), ASSETS_EACH),
            injection_kw=kw.ravel(),
            soc_ratio=soc.ravel(),
            resolution_s=np.full(n, STEP_S, dtype=np.int16),
            quality=np.zeros(n, dtype=np.int16),
        )

    def series(self, *, sender: Sender, minutes: int) -> list[dict[str, Any]]:
        """The sender's next minutes as it would post them."""
        kw, soc = self._values(minutes)
        starts_at = (self.starts_at + timedelta(minutes=sender.minute)).isoformat()
        sender.minute += minutes
        rows = zip(sender.public_ids, kw.tolist(), soc.tolist(), strict=True)
        return [{"asset": asset, "starts_at": starts_at, "resolution_s": STEP_S, "injection_kw": p, "soc_ratio": s} for asset, p, s in rows]


def _senders() -> list[Sender]:
    names = {"name_zh": "bench", "name_en": "bench"}
    park = Park.objects.create(
        code="bench", province="LN", latitude=41.8, longitude=123.4, synthetic=True, manifest_sha256="0" * 64, **names
    )
    enterprise = Enterprise.objects.create(park=park, code="bench", **names)
    senders = []
    for k in range(GATEWAYS):
        site = Site.objects.create(
            enterprise=enterprise, code=f"site-{k}", import_limit_kw=1e6, export_limit_kw=1e6, tariff_class="bench", **names
        )
        gateway_id = register_gateway(site_id=site.pk, code=f"gateway-{k}")
        key = issue_credentials(gateway_id=gateway_id).api_key
        assets = Asset.objects.bulk_create(
            Asset(site=site, code=f"storage-{k}-{n}", kind="storage", spec=SPEC, **names) for n in range(ASSETS_EACH)
        )
        Channel.objects.bulk_create(Channel(gateway_id=gateway_id, asset=asset) for asset in assets)
        ids, public_ids = np.array([asset.pk for asset in assets]), [str(asset.public_id) for asset in assets]
        senders.append(Sender(gateway(gateway_id=gateway_id), key, ids, public_ids))
    return senders

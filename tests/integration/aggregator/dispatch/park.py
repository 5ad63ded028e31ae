"""Two sites with a gateway each, a forecast of one day, and a stub gateway that really listens."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from aggregator.assets.domain import kind_of, parse_spec
from aggregator.assets.models import Asset, Portfolio, PortfolioMember
from aggregator.enterprises.models import Enterprise, Park, Site
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun
from aggregator.gateways.models import Channel, Gateway
from aggregator.gateways.operations import issue_credentials, set_endpoint
from aggregator.kernel.periods import Grid, delivery_day, midnight
from aggregator.kernel.signing import verify
from aggregator.support.arrays import pack_f4
from aggregator.telemetry import partitions
from aggregator.telemetry.models import TelemetrySample

DAY = date(2026, 3, 3)
MIDNIGHT = midnight(DAY)
ISSUED_AT = MIDNIGHT - timedelta(hours=6)
QUARTER = timedelta(minutes=15)
STORAGE = {"energy_kwh": 400, "charge_kw": 100, "discharge_kw": 100, "wear_cny_per_kwh": 0.01}
LOAD = {"rated_kw": 400, "must_run_kw": 50, "notice_minutes": 15, "max_calls_per_day": 1, "max_call_hours": 2, "shed_cost_cny_per_kwh": 3}


def grid() -> Grid:
    return delivery_day(DAY, resolution=QUARTER)


@dataclass
class StubGateway:
    """Answers every POST with `status`; keeps what came."""

    status: int = 204
    received: list[tuple[dict, bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/setpoints"

    @property
    def messages(self) -> list[dict]:
        return [json.loads(body) for _, body in self.received]

    def check_signature(self, secret: str, wall: datetime) -> None:
        for headers, body in self.received:
            verify(
                secrets=[secret],
                message_id=headers["webhook-id"],
                timestamp=headers["webhook-timestamp"],
                signature=headers["webhook-signature"],
                body=body,
                now=int(wall.timestamp()),
            )


@contextmanager
def listening() -> Iterator[StubGateway]:
    stub = StubGateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.received.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(stub.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Built:
    portfolio: Portfolio
    sites: dict[str, Site]
    assets: dict[str, Asset]
    gateways: dict[str, Gateway]
    secrets: dict[str, str]
    api_keys: dict[str, str]
    run: ForecastRun

    def prices(self, value=None) -> dict:
        """Keyword arguments of schedule and dispatch."""
        n = len(grid())
        flat = np.full(n, 0.4) if value is None else np.asarray(value, dtype=float)
        return {
            "injection_value_cny_per_kwh": flat,
            "import_adder_cny_per_kwh": {site.pk: np.full(n, 0.2) for site in self.sites.values()},
            "demand_price_cny_per_kw": {site.pk: 0.0 for site in self.sites.values()},
        }


def build(*, endpoints: dict[str, StubGateway]) -> Built:
    """Site a: battery and plant; site b: battery and PV. All assets follow `endpoints` of their site."""
    park = Park.objects.create(
        code="duo", name_zh="双", name_en="Duo", province="Liaoning", latitude=41.8, longitude=123.4, synthetic=True, manifest_sha256=""
    )
    enterprise = Enterprise.objects.create(park=park, code="one", name_zh="甲", name_en="One")
    portfolio = Portfolio.objects.create(park=park, code="all", name_zh="全部", name_en="All")
    sites, assets, gateways, secrets, keys = {}, {}, {}, {}, {}
    for name in ("a", "b"):
        sites[name] = Site.objects.create(
            enterprise=enterprise, code=name, name_zh=name, name_en=name, import_limit_kw=1000, export_limit_kw=500, tariff_class="10kv"
        )
        gateways[name] = Gateway.objects.create(site=sites[name], code=f"gw-{name}")
        made = issue_credentials(gateway_id=gateways[name].pk)
        secrets[name], keys[name] = made.secret, made.api_key
        stub = endpoints[name]
        set_endpoint(gateway_id=gateways[name].pk, url=stub.url, loopback_exception=f"127.0.0.1:{stub.port}")
    for code, site, kind, spec in (
        ("bat-a", "a", "storage", STORAGE),
        ("plant", "a", "load", LOAD),
        ("bat-b", "b", "storage", STORAGE),
        ("sun", "b", "pv", {"rated_kw": 200}),
    ):
        complete = parse_spec(kind, spec).model_dump(mode="json")
        assets[code] = Asset.objects.create(site=sites[site], code=code, kind=kind, name_zh=code, name_en=code, spec=complete)
        PortfolioMember.objects.create(portfolio=portfolio, asset=assets[code], valid_from=date(2026, 1, 1))
        Channel.objects.create(gateway=gateways[site], asset=assets[code])
    return Built(portfolio, sites, assets, gateways, secrets, keys, _forecast(portfolio, assets))


def _forecast(portfolio: Portfolio, assets: dict[str, Asset]) -> ForecastRun:
    day = grid()
    run = ForecastRun.objects.create(
        portfolio=portfolio,
        issued_at=ISSUED_AT,
        available_at=ISSUED_AT,
        starts_at=day.starts_at,
        resolution_s=900,
        n_periods=len(day),
        model_version="test",
        inputs_hash="",
    )
    hours = np.arange(len(day)) / 4
    given = {
        "bat-a": {"stored_kwh": 200.0},
        "bat-b": {"stored_kwh": 200.0},
        "plant": {"load_kw": np.full(len(day), 200.0)},
        "sun": {"available_kw": np.clip(150 * np.sin((hours - 6) / 12 * np.pi), 0, None)},
    }
    for code, asset in assets.items():
        kind = kind_of(asset.kind)
        envelope = kind.physics.envelope(parse_spec(asset.kind, asset.spec), grid=day, **given[code])
        AvailabilityForecast.objects.create(
            run=run,
            asset=asset,
            level="expected",
            **{name: pack_f4(getattr(envelope, name)) for name in ("base_kw", "min_kw", "max_kw", "min_kwh", "max_kwh")},
            notice_s=envelope.notice_s,
            max_on_s=envelope.max_on_s,
            quality=envelope.quality,
        )
    return run


def measure(asset: Asset, *, starts_at: datetime, minutes: int, injection_kw: float, soc_ratio: float | None = None) -> None:
    """Five-minute telemetry, received when each interval is over."""
    step = timedelta(minutes=5)
    partitions.forget()  # those of the test before were rolled back
    partitions.ensure_partitions(days={(starts_at + k * step).astimezone(UTC).date() for k in range(minutes // 5)})
    for k in range(minutes // 5):
        TelemetrySample.objects.create(
            asset_id=asset.pk,
            at=starts_at + k * step,
            injection_kw=injection_kw,
            soc_ratio=soc_ratio,
            resolution_s=300,
            received_at=starts_at + (k + 1) * step,
        )

"""One park's counterpart for one delivery day: plant, gateways, meters and market operator together."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from aggregator.assets.domain import kind_of
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid, delivery_day, midnight
from vpp.twin import connect
from vpp.twin.connect import ParkPlaces
from vpp.twin.gateways import Gateway, GatewayFaults
from vpp.twin.loopback import LoopbackServer, Product
from vpp.twin.market import Operator, PublishedPrices, Rules
from vpp.twin.meters import Counted, as_first_read, count, reading
from vpp.twin.models import TwinMessage
from vpp.twin.plant import Plant, World
from vpp.twin.scenario import Scenario

CORRECTED = "meter checked by the grid company"
OPERATOR_PATH = "/operator/messages"


class UnknownInScenario(Anticipated):
    code = "twin.unknown_in_scenario"
    text = "The twin's scenario names %(name)s, which the park does not have."
    status = 422


@dataclass(frozen=True)
class DayInputs:
    """What the twin plays. `world` begins with the day, or with the day before where `states` come from that one."""

    day: date
    scenario: Scenario
    seed: int
    world: World
    day_ahead: PublishedPrices
    real_time: PublishedPrices
    rules: Rules
    states: dict[str, dict[str, Any]]


class ParkTwin:
    """`act(now)` does everything that is due by `now`, over real HTTP. Business time is what `act` was told last."""

    def __init__(self, *, park: ParkPlaces, inputs: DayInputs, product: Product, wall_now: Callable[[], datetime]) -> None:
        self.park, self.inputs = park, inputs
        self._product, self._wall_now = product, wall_now
        self._now = midnight(inputs.day - timedelta(days=1))
        self.plant = new_plant(park, inputs, faults=True)
        self._gateways: list[tuple[str, Gateway]] = []
        self._receivers: dict[str, Any] = {}
        self._server = LoopbackServer(self._receivers)

    def start(self) -> None:
        """Open the addresses, take over what was journalled, and hand the addresses to the product."""
        self._server.start()
        for place in self.park.gateways:
            keys = connect.gateway_credentials(place, address=self._server.address)
            gateway = Gateway(
                code=place.code,
                secret=keys.secret,
                api_key=keys.api_key,
                assets=place.assets,
                plant=self.plant,
                faults=self._faults(place),
                seed=self.inputs.seed,
                business_now=self._business_now,
                wall_now=self._wall_now,
                journal=self._journal(f"gateway {place.site}/{place.code}"),
            )
            self._receivers[connect.setpoints_path(place)] = gateway.receive
            self._restore(f"gateway {place.site}/{place.code}", gateway.restore)
            self._gateways.append((f"{place.site}/{place.code}", gateway))
        self.operator = Operator(
            name=self.park.platform,
            secret=connect.platform_secret(self.park, address=self._server.address, path=OPERATOR_PATH),
            day=self.inputs.day,
            rules=self.inputs.rules,
            day_ahead=self.inputs.day_ahead,
            real_time=(self.inputs.real_time,),
            invitation=self.inputs.scenario.invitation,
            reserve=self.inputs.scenario.reserve,
            business_now=self._business_now,
            wall_now=self._wall_now,
            journal=self._journal("operator"),
        )
        self._receivers[OPERATOR_PATH] = self.operator.receive
        self._restore("operator", self.operator.restore)

    def stop(self) -> None:
        self._server.stop()

    # --- moving

    def stand_at(self, now: datetime) -> None:
        """What arrives from here on arrives at `now`; the plant does not move."""
        self._now = now

    def act(self, now: datetime) -> None:
        """The plant moves to `now`; gateways report; acknowledgements and the operator's messages leave."""
        self._now = now
        self.plant.advance(now)
        begin = midnight(self.inputs.day)
        for name, gateway in self._gateways:
            series = gateway.telemetry(now, begin=begin) if now > begin else []
            if series:
                self._product.as_gateway("/api/v1/telemetry", {"series": series}, api_key=gateway.api_key, what=f"telemetry of {name}")
            rows = gateway.acknowledgements(now)
            if rows:
                body = {"acknowledgements": rows}
                self._product.as_gateway("/api/v1/acknowledgements", body, api_key=gateway.api_key, what=f"acknowledgement of {name}")
        for message, is_replay in self.operator.due(now):
            self._product.as_operator(f"/hooks/v1/{self.park.platform}", message, may_be_refused=is_replay)

    def next_due(self) -> datetime | None:
        """When something leaves by itself."""
        due = [gateway.next_due() for _, gateway in self._gateways] + [self.operator.next_due()]
        return min((at for at in due if at is not None), default=None)

    def post_readings(self, now: datetime, *, with_correction: bool) -> None:
        """The delivery day's meter readings; later only those that a corrected meter changes."""
        self._now = now
        counted = self.counted()
        first = self._first_read(counted)
        quality = "synthetic" if self.park.synthetic else "measured"
        rows = []
        for place in self.park.meters:
            if not with_correction:
                rows.append((place.site, reading(place, first, day=self.inputs.day, quality=quality)))
            elif (counted.of(place) != first.of(place)).any():
                rows.append((place.site, reading(place, counted, day=self.inputs.day, quality=quality, reason=CORRECTED)))
        for name, gateway in self._gateways:
            mine = [row for site, row in rows if name.startswith(f"{site}/")]
            if mine:
                self._product.as_gateway("/api/v1/readings:batch", {"readings": mine}, api_key=gateway.api_key, what=f"readings of {name}")

    def _first_read(self, counted: Counted) -> Counted:
        correction = self.inputs.scenario.correction
        if correction is None:
            return counted
        places = [place for place in self.park.meters if place.code == correction.metering_point]
        if not places:
            raise UnknownInScenario(name=correction.metering_point)
        return as_first_read(counted, place=places[0], correction=correction, day=self.inputs.day)

    def counted(self) -> Counted:
        """What correct meters counted on the delivery day."""
        return count(self.plant, grid=self.grid)

    @property
    def grid(self) -> Grid:
        return delivery_day(self.inputs.day, resolution=timedelta(seconds=self.park.resolution_s))

    def end_states(self) -> dict[str, dict[str, Any]]:
        """What every machine keeps (stored energy, cars, room, the last call) at the end of the delivery day, for the day after."""
        last = self.plant.index(self.grid.ends_at) - 1
        kept = {code: asdict(trace.states[last]) for code, trace in self.plant.traces.items()}
        return {code: state for code, state in kept.items() if state}

    # --- parts

    def _business_now(self) -> datetime:
        return self._now

    def _faults(self, place: connect.GatewayPlace) -> GatewayFaults:
        start, scenario = midnight(self.inputs.day), self.inputs.scenario
        mine = [f for f in scenario.faults if f.on == place.code or f.on in place.assets.values()]
        lost = [f.loss_ratio for f in mine if f.kind == "lost_acknowledgements"]
        return GatewayFaults(
            offline=tuple(f.window(start) for f in mine if f.kind == "offline"),
            lies=tuple((f.on, *f.window(start)) for f in mine if f.kind == "lies"),
            acknowledgement_delay=timedelta(seconds=scenario.acknowledgement_delay_s),
            acknowledgement_loss_ratio=max([scenario.acknowledgement_loss_ratio, *lost]),
        )

    def _journal(self, receiver: str) -> Callable[[str, datetime, bytes], None]:
        def keep(message_id: str, received_at: datetime, body: bytes) -> None:
            TwinMessage.objects.get_or_create(
                receiver=receiver,
                message_id=message_id,
                defaults={"park_id": self.park.park_id, "day": self.inputs.day, "received_at": received_at, "body": body},
            )

        return keep

    def _restore(self, receiver: str, take: Callable[[str, datetime, bytes], None]) -> None:
        for row in TwinMessage.objects.filter(park_id=self.park.park_id, day=self.inputs.day, receiver=receiver).order_by("pk"):
            take(row.message_id, row.received_at, bytes(row.body))


def new_plant(park: ParkPlaces, inputs: DayInputs, *, faults: bool) -> Plant:
    """The plant at the start of its world. `faults`: assets that will ignore what they are told."""
    known = {asset.code for asset in park.assets} | {place.code for place in park.gateways}
    for fault in inputs.scenario.faults:
        if fault.on not in known:
            raise UnknownInScenario(name=fault.on)
    start = midnight(inputs.day)
    ignored = [(f.on, *f.window(start)) for f in inputs.scenario.faults if faults and f.kind in ("acknowledges_and_does_nothing", "lies")]
    kinds = {asset.code: asset.kind for asset in park.assets}
    states = {code: kind_of(kinds[code]).physics.State(**kept) for code, kept in inputs.states.items() if code in kinds}
    step = timedelta(minutes=inputs.scenario.step_minutes)
    return Plant(assets=park.assets, world=inputs.world, step=step, states=states, ignores=ignored, starts_at=start)

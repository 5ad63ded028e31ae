"""A simulated gateway: signatures, replays, delays, losses, lies and silence."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from aggregator.assets.domain.storage import StorageSpec
from aggregator.kernel.periods import Grid
from aggregator.kernel.signing import new_secret, sign
from vpp.twin.gateways import Gateway, GatewayFaults
from vpp.twin.loopback import DroppedError
from vpp.twin.plant import Plant, PlantAsset, World

START = datetime(2026, 7, 15, tzinfo=UTC)
WALL = datetime(2026, 11, 21, tzinfo=UTC)
SECRET = new_secret()
ASSET_ID = "0198f2b0-0000-7000-8000-000000000001"


class Bench:
    """One gateway with one storage, a clock that the test moves, and what was journalled."""

    def __init__(self, **faults) -> None:
        store = PlantAsset("store", "storage", StorageSpec(energy_kwh=400, charge_kw=100, discharge_kw=100), "s")
        world = World(Grid(START, timedelta(minutes=15), 96), {}, {})
        ignores = list(faults.get("lies", ()))
        self.plant = Plant(assets=[store], world=world, step=timedelta(minutes=5), ignores=ignores)
        self.now = START
        self.kept: list[tuple] = []
        self.gateway = Gateway(
            code="g", secret=SECRET, api_key="key", assets={ASSET_ID: "store"}, plant=self.plant, faults=GatewayFaults(**faults), seed=1,
            business_now=lambda: self.now, wall_now=lambda: WALL, journal=lambda *row: self.kept.append(row),
        )  # fmt: skip

    def send(self, message_id: str = "m1", *, secret: str = SECRET, age_s: int = 0, value_kw: float = 60.0, **row):
        setpoint = {
            "setpoint_id": f"{message_id}-1", "asset": ASSET_ID, "kind": "injection_kw", "value_kw": value_kw, "fallback_kw": 0.0,
            "valid_from": START.isoformat(), "valid_until": (START + timedelta(hours=1)).isoformat(), **row,
        }  # fmt: skip
        data = {"plan_id": "p", "sequence": 1, "setpoints": [setpoint], "acknowledge_by": START.isoformat()}
        body = json.dumps({"type": "setpoints.issued", "timestamp": START.isoformat(), "data": data}).encode()
        stamp = int(WALL.timestamp()) - age_s
        signature = sign(secret=secret, message_id=message_id, timestamp=stamp, body=body)
        headers = {"webhook-id": message_id, "webhook-timestamp": str(stamp), "webhook-signature": signature}
        return self.gateway.receive(headers, body)


def test_a_signed_setpoint_is_taken_followed_and_acknowledged_after_the_delay() -> None:
    bench = Bench(acknowledgement_delay=timedelta(seconds=20))
    assert bench.send().status == 202
    assert bench.gateway.next_due() == START + timedelta(seconds=20)
    assert bench.gateway.acknowledgements(START + timedelta(seconds=19)) == []
    [row] = bench.gateway.acknowledgements(START + timedelta(seconds=20))
    assert (row["setpoint_id"], row["state"]) == ("m1-1", "accepted")
    bench.plant.advance(START + timedelta(minutes=15))
    assert bench.plant.traces["store"].injection_kw == [0, 60, 60]
    [series] = bench.gateway.telemetry(START + timedelta(minutes=15), begin=START)
    assert series["injection_kw"] == [0, 60, 60]
    assert series["soc_ratio"][0] == 0.5 > series["soc_ratio"][-1]
    assert bench.gateway.telemetry(START + timedelta(minutes=15), begin=START) == []


def test_forged_stale_and_replayed_messages_are_refused() -> None:
    bench = Bench()
    assert bench.send(secret=new_secret()).status == 401
    assert bench.send(age_s=301).status == 401
    assert bench.send().status == 202
    assert bench.send().status == 202  # the very same again: known, no effect
    assert bench.send(value_kw=99.0).status == 409
    assert len(bench.kept) == 1
    bench.now = START + timedelta(hours=2)
    assert bench.send("m2").status == 409  # all in the past


@pytest.mark.parametrize("row", [{"asset": "other"}, {"kind": "export_limit_kw"}, {"value_kw": float("inf")}])
def test_what_it_cannot_do_is_acknowledged_as_rejected(row: dict) -> None:
    bench = Bench()
    assert bench.send(**row).status == 202
    [answer] = bench.gateway.acknowledgements(START + timedelta(hours=1))
    assert answer["state"] == "rejected"
    assert answer["reason"]


def test_offline_it_drops_connections_and_tells_everything_afterwards() -> None:
    bench = Bench(offline=((START, START + timedelta(minutes=30)),))
    with pytest.raises(DroppedError):
        bench.send()
    for minutes in (15, 30, 45):
        bench.now = START + timedelta(minutes=minutes)
        bench.plant.advance(bench.now)
        told = bench.gateway.telemetry(bench.now, begin=START)
        assert len(told[0]["injection_kw"] if told else []) == {15: 0, 30: 6, 45: 3}[minutes]


def test_lost_acknowledgements_are_lost_the_same_way_every_time() -> None:
    def kept() -> list[str]:
        bench = Bench(acknowledgement_loss_ratio=0.5)
        for number in range(40):
            bench.send(f"m{number}")
        return [row["setpoint_id"] for row in bench.gateway.acknowledgements(START + timedelta(hours=1))]

    assert 8 < len(kept()) < 32
    assert kept() == kept()


def test_a_lying_box_reports_what_was_asked_and_does_nothing() -> None:
    bench = Bench(lies=(("store", START, START + timedelta(hours=1)),))
    bench.send()
    bench.plant.advance(START + timedelta(minutes=15))
    assert bench.plant.traces["store"].injection_kw == [0, 0, 0]
    [series] = bench.gateway.telemetry(START + timedelta(minutes=15), begin=START)
    assert series["injection_kw"] == [0, 60, 60]


def test_a_journalled_message_works_again_after_a_restart() -> None:
    first, second = Bench(), Bench()
    first.send()
    for row in first.kept:
        second.gateway.restore(*row)
    for bench in (first, second):
        bench.plant.advance(START + timedelta(hours=1))
    assert np.array_equal(first.plant.traces["store"].injection_kw, second.plant.traces["store"].injection_kw)
    assert second.gateway.acknowledgements(START + timedelta(hours=1)) == first.gateway.acknowledgements(START + timedelta(hours=1))

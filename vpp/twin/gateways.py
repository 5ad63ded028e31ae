"""Simulated gateways: signed setpoints in, acknowledgements and telemetry out, and what can go wrong."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np

from aggregator.assets.domain import kind_of
from aggregator.kernel.periods import as_utc
from aggregator.kernel.signing import SignatureRefused, verify
from vpp.twin.generator.streams import stream
from vpp.twin.loopback import Answer, DroppedError
from vpp.twin.plant import HeldSetpoint, Plant


@dataclass(frozen=True)
class GatewayFaults:
    """Windows [from, to) of business time."""

    offline: tuple[tuple[datetime, datetime], ...] = ()
    lies: tuple[tuple[str, datetime, datetime], ...] = ()  # (asset, from, to): reports the setpoint as measured
    acknowledgement_delay: timedelta = timedelta(seconds=8)
    acknowledgement_loss_ratio: float = 0.0

    def is_offline(self, at: datetime) -> bool:
        return any(starts_at <= at < ends_at for starts_at, ends_at in self.offline)


@dataclass(frozen=True)
class Acknowledgement:
    due_at: datetime
    setpoint_id: str
    state: str
    reason: str


class Gateway:
    """One box on site. `receive` runs in server threads; everything else in the conductor's."""

    def __init__(
        self,
        *,
        code: str,
        secret: str,
        api_key: str,
        assets: dict[str, str],
        plant: Plant,
        faults: GatewayFaults,
        seed: int,
        business_now: Callable[[], datetime],
        wall_now: Callable[[], datetime],
        journal: Callable[[str, datetime, bytes], None],
    ) -> None:
        """`assets`: public_id -> code. `journal` keeps a message before it is answered."""
        self.code, self.api_key, self.assets = code, api_key, assets
        self._secret, self._plant, self._faults, self._seed = secret, plant, faults, seed
        self._business_now, self._wall_now, self._journal = business_now, wall_now, journal
        self._lock = threading.Lock()
        self._bodies: dict[str, bytes] = {}
        self._pending: list[Acknowledgement] = []
        self._told_until: datetime | None = None

    # --- setpoints in

    def receive(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """202 taken, 401 forged or too old, 409 replayed with other content or all in the past, 400 not understood."""
        now = self._business_now()
        if self._faults.is_offline(now):
            raise DroppedError()
        message_id = headers.get("webhook-id", "")
        try:
            verify(
                secrets=[self._secret],
                message_id=message_id,
                timestamp=headers.get("webhook-timestamp", ""),
                signature=headers.get("webhook-signature", ""),
                body=body,
                now=int(self._wall_now().timestamp()),
            )
        except SignatureRefused:
            return Answer(401, "signature refused")
        with self._lock:
            if message_id in self._bodies:
                return Answer(202, "known") if self._bodies[message_id] == body else Answer(409, "message id was used before")
            try:
                held, answers = self._read(json.loads(body), received_at=now)
            except (ValueError, KeyError, TypeError) as problem:
                return Answer(400, f"not understood: {problem!r}")
            if not any(s.valid_until > now for s in held) and held:
                return Answer(409, "stale: every setpoint lies in the past")
            self._journal(message_id, now, body)
            self._take(message_id, body, held, answers)
        return Answer(202, "taken")

    def restore(self, message_id: str, received_at: datetime, body: bytes) -> None:
        """Take a journalled message again after a restart; its acknowledgements were or will be repeated."""
        with self._lock:
            held, answers = self._read(json.loads(body), received_at=received_at)
            self._take(message_id, body, held, answers)

    def _take(self, message_id: str, body: bytes, held: list[HeldSetpoint], answers: list[Acknowledgement]) -> None:
        rng = stream(self._seed, "acknowledgements", self.code, str(len(self._bodies)))
        self._bodies[message_id] = body
        for setpoint in held:
            self._plant.hold(setpoint)
        lost = rng.random(len(answers)) < self._faults.acknowledgement_loss_ratio
        self._pending += [answer for answer, gone in zip(answers, lost, strict=True) if not gone]

    def _read(self, message: dict[str, Any], *, received_at: datetime) -> tuple[list[HeldSetpoint], list[Acknowledgement]]:
        if message["type"] != "setpoints.issued":
            raise ValueError(f"type {message['type']}")
        data = message["data"]
        held, answers = [], []
        due_at = received_at + self._faults.acknowledgement_delay
        for row in data["setpoints"]:
            reason = self._refusal(row)
            answers.append(Acknowledgement(due_at, row["setpoint_id"], "rejected" if reason else "accepted", reason))
            if not reason:
                held.append(
                    HeldSetpoint(
                        asset=self.assets[row["asset"]],
                        kind=row["kind"],
                        value_kw=float(row["value_kw"]),
                        valid_from=as_utc(datetime.fromisoformat(row["valid_from"])),
                        valid_until=as_utc(datetime.fromisoformat(row["valid_until"])),
                        fallback_kw=float(row["fallback_kw"]),
                        sequence=int(data["sequence"]),
                        effective_at=due_at,
                    )
                )
        return held, answers

    def _refusal(self, row: dict[str, Any]) -> str:
        code = self.assets.get(row["asset"])
        if code is None:
            return "unknown asset"
        if row["kind"] != kind_of(self._plant.assets[code].kind).setpoint_kind:
            return "unknown kind of setpoint"
        if not (isfinite(row["value_kw"]) and isfinite(row["fallback_kw"])):
            return "not a number"
        return ""

    # --- acknowledgements and telemetry out

    def next_due(self) -> datetime | None:
        """When the next acknowledgement is to leave."""
        with self._lock:
            return min((a.due_at for a in self._pending), default=None)

    def acknowledgements(self, now: datetime) -> list[dict[str, Any]]:
        """What is due by `now`, as the API takes it. An offline gateway keeps it for later."""
        if self._faults.is_offline(now):
            return []
        with self._lock:
            due = [a for a in self._pending if a.due_at <= now]
            self._pending = [a for a in self._pending if a.due_at > now]
        return [{"setpoint_id": a.setpoint_id, "state": a.state, "reason": a.reason, "at": a.due_at.isoformat()} for a in due]

    def telemetry(self, now: datetime, *, begin: datetime) -> list[dict[str, Any]]:
        """Columns since the last push (first: since `begin`) up to `now`; nothing while offline, all of it after."""
        starts_at = self._told_until or begin
        steps = int((min(now, self._plant.at) - starts_at) / self._plant.step)
        if steps <= 0 or self._faults.is_offline(now):
            return []
        self._told_until = starts_at + steps * self._plant.step
        return [self._series(public_id, code, starts_at, steps) for public_id, code in sorted(self.assets.items(), key=lambda x: x[1])]

    def _series(self, public_id: str, code: str, starts_at: datetime, steps: int) -> dict[str, Any]:
        plant, asset, trace = self._plant, self._plant.assets[code], self._plant.traces[code]
        first = plant.index(starts_at)
        window = slice(first, first + steps)
        series = {
            "asset": public_id,
            "starts_at": starts_at.isoformat(),
            "resolution_s": int(plant.step.total_seconds()),
            "injection_kw": [
                round(float(kw), 3) for kw in self._reported(code, starts_at, np.array(trace.injection_kw[window], dtype=float))
            ],
        }
        state_of_charge = getattr(kind_of(asset.kind).physics, "soc_ratio", None)
        if state_of_charge is not None:
            series["soc_ratio"] = [_ratio(state_of_charge(asset.spec, state)) for state in trace.states[window]]
        if trace.charged_kwh:
            series["sessions"] = self._sessions(code, starts_at, starts_at + steps * plant.step)
        return series

    def _reported(self, code: str, starts_at: datetime, truth: np.ndarray) -> np.ndarray:
        """The truth, or what was asked for while the box lies."""
        for asset, begins, ends in self._faults.lies:
            for k in range(len(truth)):
                at = starts_at + k * self._plant.step
                command = self._plant.asked_at(code, at) if asset == code and begins <= at < ends else None
                if command is not None:
                    truth[k] = command.value_kw if command.kind != "import_limit_kw" else max(truth[k], -command.value_kw)
        return truth

    def _sessions(self, code: str, starts_at: datetime, ends_at: datetime) -> list[dict[str, Any]]:
        """Stays that touched [starts_at, ends_at); one that goes on is open (plugged_out_at null)."""
        plant = self._plant
        origin = plant.world.grid.starts_at
        low, high = ((at - origin) / timedelta(hours=1) for at in (starts_at, ends_at))
        charged = plant.traces[code].charged_kwh[plant.index(ends_at) - 1]
        rows = []
        for session in plant.world.sessions.get(code, ()):
            if session.arrives_at >= high or session.departs_at <= low:
                continue
            gone = session.departs_at <= high
            rows.append(
                {
                    "session_key": session.key,
                    "plugged_in_at": (origin + timedelta(hours=session.arrives_at)).isoformat(),
                    "plugged_out_at": (origin + timedelta(hours=session.departs_at)).isoformat() if gone else None,
                    "energy_kwh": round(max(0.0, charged.get(session.key, 0.0)), 3),  # a car may have given back more than it took
                    "need_kwh": round(session.need_kwh, 3),
                }
            )
        return rows


def _ratio(state_of_charge: float | None) -> float | None:
    """As a gateway tells it: 0..1 (a room beyond the edge of its band stands at the edge), nothing where there is no store."""
    return None if state_of_charge is None else round(min(max(state_of_charge, 0.0), 1.0), 6)

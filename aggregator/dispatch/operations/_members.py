"""What is known of every member of a portfolio when a plan is made: envelope, state, calls, promises; by kind."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from aggregator.assets import queries as assets
from aggregator.assets.domain import Command, Drive, Envelope, Session, Stay, two_way_charger
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import Held, StorageSpec, held_on
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.dispatch import queries
from aggregator.dispatch.domain import AssetFacts, ProblemRefused, piece_of, unmovable
from aggregator.gateways import queries as gateways
from aggregator.kernel.periods import Grid, day_of, midnight
from aggregator.telemetry import queries as telemetry

FRESH_SOC = timedelta(minutes=30)
KNOWN_ROOM = timedelta(hours=24)  # for a grid that begins later: until then the room is back at its set point
LONGEST_PAUSE = timedelta(hours=24)  # how far back a call may lie whose rest or rebound is not over


class Members:
    """AssetFacts of every member, read in a handful of queries."""

    def __init__(
        self,
        members: list[assets.Member],
        keys: dict[int, str],
        grid: Grid,
        envelopes: Mapping[int | None, Envelope],
        issued_at: datetime,
        excluded: frozenset[int],
        notes: list[dict[str, str]],
    ) -> None:
        self.members, self.keys, self.grid, self.issued_at, self.excluded, self.notes = members, keys, grid, issued_at, excluded, notes
        ids = [member.asset_id for member in members]
        self.envelopes = envelopes
        self.latest = telemetry.latest(asset_ids=ids, at=issued_at)
        self.channels = gateways.channels(asset_ids=ids)
        out = assets.commitments(
            asset_ids=ids, starts_at=max(grid.starts_at, issued_at), ends_at=grid.ends_at, known_at=issued_at, kinds=("outage", "opt_out")
        )
        self.out = {window.asset_id for window in out}
        self.reserved = assets.commitments(
            asset_ids=ids, starts_at=grid.starts_at, ends_at=grid.ends_at + grid.resolution, known_at=issued_at, kinds=("reserved",)
        )
        since = min(midnight(day_of(grid.starts_at)), issued_at) - LONGEST_PAUSE
        self.told = queries.in_force(asset_ids=ids, starts_at=since, ends_at=grid.ends_at, known_at=issued_at)

    def facts(self) -> dict[int, AssetFacts]:
        return {member.asset_id: self._one(member) for member in self.members}

    def _note(self, member: assets.Member, note: str) -> None:
        self.notes.append({"asset": str(member.public_id), "note": note})

    def _one(self, member: assets.Member) -> AssetFacts:
        whole = self.envelopes.get(member.asset_id)
        if whole is None or not np.isfinite(whole.base_kw).all():
            raise ProblemRefused(why="no_forecast", asset=member.code)
        site = self.keys[member.asset_id].rsplit("/", 1)[0]
        facts = AssetFacts(site=site, kind=member.kind, spec=member.spec, envelope=self._piece(member, whole))
        if facts.envelope.quality != "good":
            self._note(member, f"envelope_{facts.envelope.quality}")
        barred = self._barred(member)
        if barred:
            self._note(member, barred)
            return replace(facts, movable=False, envelope=self._as_it_is(member, facts.envelope, barred))
        match member.spec:
            case StorageSpec() as spec:
                return replace(facts, stored_kwh=self._stored(member, spec), held=self._held(member))
            case LoadSpec() as spec:
                return self._calls(member, spec, facts)
            case AirConditioningSpec() as spec:
                stored = self._room(member, spec)
                return replace(facts, stored_kwh=stored, movable=stored is not None)
            case TwoWayChargerSpec() as spec:
                stays = self._stays(member, spec)
                return replace(facts, stays=stays, movable=stays is not None)
        return facts

    def _barred(self, member: assets.Member) -> str:
        if member.asset_id in self.excluded:
            return "excluded"
        if member.asset_id in self.out:
            return "outage"
        return "" if member.asset_id in self.channels else "no_gateway"

    def _as_it_is(self, member: assets.Member, envelope: Envelope, barred: str) -> Envelope:
        """A storage that does not obey goes on with what it was last seen doing; anything else follows its base."""
        last = self.latest.get(member.asset_id)
        if barred == "excluded" and isinstance(member.spec, StorageSpec) and last is not None and last.injection_kw is not None:
            return unmovable(self.grid, injection_kw=np.full(len(self.grid), last.injection_kw))
        return unmovable(self.grid, injection_kw=envelope.base_kw)

    def _piece(self, member: assets.Member, whole: Envelope) -> Envelope:
        done = None
        if member.kind == "ev_station" and self.grid.starts_at > whole.grid.starts_at and self.issued_at > whole.grid.starts_at:
            elapsed = Grid(
                whole.grid.starts_at, whole.grid.resolution, (self.grid.starts_at - whole.grid.starts_at) // whole.grid.resolution
            )
            measured = telemetry.power(asset_ids=[member.asset_id], grid=elapsed, known_at=self.issued_at)[0]
            filled = np.where(np.isfinite(measured), measured, whole.base_kw[: len(elapsed)])
            done = float(filled.sum() * elapsed.hours)
        return piece_of(whole, self.grid, injected_kwh=done)

    def _stored(self, member: assets.Member, spec: StorageSpec) -> float:
        """State of charge at the grid's start: the last one told, moved by what was told to do until then."""
        last = self.latest.get(member.asset_id)
        if last is None or last.soc_ratio is None:
            self._note(member, "soc_assumed")
            stored, since = spec.energy_kwh * spec.soc_initial_ratio, self.issued_at
        else:
            if self.issued_at - last.ends_at > FRESH_SOC:
                self._note(member, "soc_stale")
            stored, since = spec.energy_kwh * last.soc_ratio, last.ends_at
        for row in self.told:
            if row.asset_id != member.asset_id or row.kind != "injection_kw":
                continue
            hours = (min(row.ends_at, self.grid.starts_at) - max(row.starts_at, since)) / timedelta(hours=1)
            if hours > 0:
                change = -row.value_kw * (spec.charge_efficiency if row.value_kw < 0 else 1 / spec.discharge_efficiency)
                held = stored + hours * change
                stored = min(max(held, min(stored, spec.floor_kwh)), max(stored, spec.ceiling_kwh))
        return float(stored)

    def _held(self, member: assets.Member) -> Held | None:
        """Reserve that is sold of this storage in the grid; one that is wholly reserved has an envelope that says so."""
        grid, windows = self.grid, []
        for row in self.reserved:
            if row.asset_id == member.asset_id and row.reserve is not None:
                first = (row.starts_at - grid.starts_at) // grid.resolution
                end = -((grid.starts_at - row.ends_at) // grid.resolution)
                windows.append((slice(max(0, first), min(len(grid), end)), row.reserve))
        return held_on(grid, windows) if windows else None

    def _room(self, member: assets.Member, spec: AirConditioningSpec) -> float | None:
        """Cold in the room at the grid's start; None where its temperature is not known.

        Before a grid that begins later the room is at its set point: the plan before it gave back what it had borrowed.
        """
        last = self.latest.get(member.asset_id)
        if last is None or last.soc_ratio is None:
            self._note(member, "soc_unknown")
            return None
        if self.grid.starts_at - last.ends_at <= FRESH_SOC:
            return last.soc_ratio * spec.band_kwh
        if self.grid.starts_at - self.issued_at > FRESH_SOC and self.issued_at - last.ends_at <= KNOWN_ROOM:
            return spec.set_kwh
        self._note(member, "soc_stale")
        return None

    def _stays(self, member: assets.Member, spec: TwoWayChargerSpec) -> tuple[Stay, ...] | None:
        """What the timetable says, and telemetry of the car that should be there; None where nothing is heard of that one now."""
        grid, last = self.grid, self.latest.get(member.asset_id)
        sessions = two_way_charger.sessions_of(spec, starts_at=grid.starts_at, ends_at=grid.ends_at)
        plugged_kwh = None
        for session in [s for s in sessions if s.arrives_at < 0]:
            arrived = grid.starts_at + timedelta(hours=session.arrives_at)
            if self.issued_at < arrived + grid.resolution:  # not to be seen yet
                plugged_kwh = self._charged_until_start(member, spec, session, session.arrival_kwh, arrived)
            elif last is None or self.issued_at - last.ends_at > FRESH_SOC:
                self._note(member, "soc_stale")
                if grid.starts_at - self.issued_at <= FRESH_SOC:
                    return None
                plugged_kwh = self._charged_until_start(member, spec, session, session.arrival_kwh, arrived)
            elif last.soc_ratio is None:
                self._note(member, "car_missing")
                sessions = tuple(s for s in sessions if s is not session)
            else:
                plugged_kwh = self._charged_until_start(member, spec, session, last.soc_ratio * spec.battery_kwh, last.ends_at)
        return two_way_charger.stays_of(spec, sessions, grid=grid, plugged_kwh=plugged_kwh)

    def _charged_until_start(
        self, member: assets.Member, spec: TwoWayChargerSpec, session: Session, level_kwh: float, at: datetime
    ) -> float:
        """What the car holds at the grid's start, by what the charger was told until then."""
        state = two_way_charger.State(session.key, level_kwh)
        rows = [row for row in self.told if row.asset_id == member.asset_id and row.kind == two_way_charger.SETPOINT_KIND]
        while at < self.grid.starts_at:
            until = min(at + self.grid.resolution, self.grid.starts_at)
            begun = [row for row in rows if row.starts_at <= at]
            ruling = [row for row in begun if at < row.ends_at]
            told = (
                Command(two_way_charger.SETPOINT_KIND, ruling[-1].value_kw) if ruling else two_way_charger.fallback(spec) if begun else None
            )
            state, _ = two_way_charger.step(
                spec,
                state,
                drive=Drive(sessions=(session,)),
                command=told,
                at_hours=(at - self.grid.starts_at) / timedelta(hours=1),
                hours=(until - at) / timedelta(hours=1),
            )
            at = until
        return state.battery_kwh

    def _calls(self, member: assets.Member, spec: LoadSpec, facts: AssetFacts) -> AssetFacts:
        """Interruptions of the day so far: over, or running when the grid starts; and what is left of the last one's rest and rebound."""
        starts_at, called = self.grid.starts_at, self._called(member)
        day, begun = midnight(day_of(starts_at)), max(self.issued_at, starts_at)
        runs: list[list[datetime]] = []
        for row in called:
            if row.ends_at <= day or row.starts_at >= begun:
                continue
            if runs and row.starts_at <= runs[-1][1]:
                runs[-1][1] = max(runs[-1][1], row.ends_at)
            else:
                runs.append([row.starts_at, row.ends_at])
        running = 0
        if starts_at <= self.issued_at:
            goes_on = bool(runs) and runs[-1][1] >= self.issued_at
        else:  # as it was told for the periods before the grid and for its first one
            goes_on = bool(runs) and runs[-1][1] >= starts_at and any(row.starts_at <= starts_at < row.ends_at for row in called)
        if goes_on:
            # A call that began in this very period counts as one period old: it must not seem to be another one.
            running = max(1, (starts_at - runs.pop()[0]) // self.grid.resolution)
        ready = self.issued_at + timedelta(seconds=facts.envelope.notice_s)
        notice = max(0, -((starts_at - ready) // self.grid.resolution))
        over = [row.ends_at for row in called if row.ends_at <= starts_at]
        since = starts_at - max(over) if over and not running else LONGEST_PAUSE
        return replace(
            facts,
            calls_used=len(runs),
            running_periods=running,
            notice_periods=notice,
            rest_periods=self._left(timedelta(minutes=spec.rest_minutes), since),
            rebound_periods=self._left(timedelta(hours=spec.rebound_hours), since),
        )

    def _called(self, member: assets.Member) -> list[queries.InForce]:
        return [row for row in self.told if row.asset_id == member.asset_id and row.reason not in ("released", "stopped")]

    def _left(self, lasts: timedelta, since: timedelta) -> int:
        """Whole periods of `lasts` that are still to come, `since` after its beginning."""
        return max(0, -((since - lasts) // self.grid.resolution)) if lasts else 0

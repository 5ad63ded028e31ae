"""The plant: every asset's own physics, driven by the world and by the setpoints its gateway holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from aggregator.assets.domain import Command, Drive, Session, Spec, kind_of
from aggregator.kernel.periods import Grid


@dataclass(frozen=True)
class PlantAsset:
    code: str
    kind: str
    spec: Spec
    site: str


@dataclass(frozen=True)
class World:
    """What happens to the plant whatever we do: power [kW, >= 0] per period of `grid`, and stays of cars.

    Session times are hours from grid.starts_at.
    """

    grid: Grid
    natural_kw: dict[str, np.ndarray]
    sessions: dict[str, tuple[Session, ...]]


@dataclass(frozen=True)
class HeldSetpoint:
    """A setpoint as the controller keeps it. `effective_at`: when the controller had it (message plus delay)."""

    asset: str
    kind: str
    value_kw: float
    valid_from: datetime
    valid_until: datetime
    fallback_kw: float
    sequence: int
    effective_at: datetime


@dataclass
class Trace:
    """What the plant did per step: injection [kW]; at its end the state, stored energy and what each car had got [kWh]."""

    injection_kw: list[float] = field(default_factory=list)
    stored_kwh: list[float] = field(default_factory=list)
    charged_kwh: list[dict[str, float]] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)


class Plant:
    """Steps all assets together from `starts_at`. Not thread-safe: one conductor moves it."""

    def __init__(
        self,
        *,
        assets: Iterable[PlantAsset],
        world: World,
        step: timedelta,
        states: dict[str, Any] | None = None,
        ignores: Iterable[tuple[str, datetime, datetime]] = (),
        starts_at: datetime | None = None,
    ) -> None:
        """`states` and `starts_at`: where an earlier day left off; `ignores`: (asset, from, to) that obeys nobody."""
        self.assets = {asset.code: asset for asset in sorted(assets, key=lambda a: a.code)}
        self.world = world
        self.step = step
        self.starts_at = starts_at or world.grid.starts_at
        self.at = self.starts_at
        self.states = {
            code: (states or {}).get(code, kind_of(asset.kind).physics.initial_state(asset.spec)) for code, asset in self.assets.items()
        }
        self.initial_states = dict(self.states)
        self.traces = {code: Trace() for code in self.assets}
        self._held: dict[str, list[HeldSetpoint]] = {code: [] for code in self.assets}
        self._ignores = list(ignores)

    @property
    def grid(self) -> Grid:
        """The steps made so far."""
        return Grid(self.starts_at, self.step, int((self.at - self.starts_at) / self.step))

    def index(self, at: datetime) -> int:
        """Which step begins at `at`."""
        return round((at - self.starts_at) / self.step)

    def hold(self, setpoint: HeldSetpoint) -> None:
        """Keep a setpoint; which one rules is decided when its time comes."""
        self._held[setpoint.asset].append(setpoint)

    def command_at(self, code: str, at: datetime) -> Command | None:
        """What the machine obeys: what was asked of it, unless it obeys nobody."""
        deaf = any(asset == code and starts_at <= at < ends_at for asset, starts_at, ends_at in self._ignores)
        return None if deaf else self.asked_at(code, at)

    def asked_at(self, code: str, at: datetime) -> Command | None:
        """The newest plan's setpoint that covers `at`; after the last one its fallback; none before any."""
        known = [s for s in self._held[code] if s.effective_at <= at and s.valid_from <= at]
        live = [s for s in known if at < s.valid_until]
        if live:
            newest = max(live, key=lambda s: (s.sequence, s.valid_from))
            return Command(newest.kind, newest.value_kw)  # type: ignore[arg-type]
        if known:
            last = max(known, key=lambda s: (s.valid_until, s.sequence))
            return Command(last.kind, last.fallback_kw)  # type: ignore[arg-type]
        return None

    def advance(self, until: datetime) -> None:
        """Step up to `until`; whole steps only, and no further than the world is known."""
        while self.at + self.step <= min(until, self.world.grid.ends_at):
            self._one_step()

    def _one_step(self) -> None:
        hours = self.step / timedelta(hours=1)
        at_hours = (self.at - self.world.grid.starts_at) / timedelta(hours=1)
        period = self.world.grid.index(self.at)
        for code, asset in self.assets.items():
            natural = self.world.natural_kw.get(code)
            drive = Drive(
                natural_kw=float(natural[period]) if natural is not None else 0.0,
                sessions=self._plugged(code, at_hours),
            )
            state, injection_kw = kind_of(asset.kind).physics.step(
                asset.spec, self.states[code], drive=drive, command=self.command_at(code, self.at), at_hours=at_hours, hours=hours
            )
            self.states[code] = state
            trace = self.traces[code]
            trace.injection_kw.append(injection_kw)
            trace.states.append(state)
            if hasattr(state, "stored_kwh"):
                trace.stored_kwh.append(state.stored_kwh)
            if hasattr(state, "charged_kwh"):
                trace.charged_kwh.append(state.charged_kwh)
        self.at += self.step

    def _plugged(self, code: str, at_hours: float) -> tuple[Session, ...]:
        sessions = self.world.sessions.get(code, ())
        return tuple(s for s in sessions if s.arrives_at <= at_hours < s.departs_at)


def watt_hours(plant: Plant, code: str, *, grid: Grid) -> np.ndarray:
    """Injection of one asset per period of `grid` as whole watt-hours (int64, signed): what its meter counts.

    The meter rounds its running total, so no energy is lost to rounding.
    """
    first = plant.index(grid.starts_at)
    per_period = round(grid.resolution / plant.step)
    kwh = np.array(plant.traces[code].injection_kw) * (plant.step / timedelta(hours=1))
    register = np.concatenate(([0.0], np.cumsum(kwh)))[first::per_period][: len(grid) + 1]
    if len(register) != len(grid) + 1:
        raise ValueError("the plant has not stepped through the whole of this grid")
    return np.diff(np.rint(register * 1000).astype(np.int64))

"""A charger that takes from its car and gives back (V2G): one connector, one fleet car, a timetable that says when it is there.

The timetable is the owner's booking: arrival, stay, state of charge on arrival and the one that the driver needs on departure.
While the car is there it is a battery between the driver's least state of charge and full. What it needs on departure goes
before any setpoint: the charger charges in time whatever it is told. Without orders it charges at once, up to what is needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from aggregator.assets.domain._common import Command, Device, Drive, Envelope, Session, SetpointKind, Spec, Stay
from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import SHANGHAI, Grid, day_of, midnight

SETPOINT_KIND: SetpointKind = "injection_kw"
DUST_H = 1e-9


class Booking(BaseModel):
    """One line of the timetable: local hours from midnight; a stay may go on into the next day."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    days: Literal["daily", "working", "off"] = "daily"
    arrives_hour: float = Field(ge=0, lt=24)
    stay_hours: float = Field(gt=0, le=24)
    arrival_soc_ratio: float = Field(ge=0, le=1)
    departure_soc_ratio: float = Field(ge=0, le=1)

    @property
    def ends_hour(self) -> float:
        return self.arrives_hour + self.stay_hours


class TwoWayChargerSpec(Spec):
    battery_kwh: float = Field(gt=0)
    charge_kw: float = Field(gt=0)
    discharge_kw: float = Field(gt=0)
    charge_efficiency: float = Field(default=0.93, gt=0, le=1)
    discharge_efficiency: float = Field(default=0.93, gt=0, le=1)
    soc_min_ratio: float = Field(default=0.3, ge=0, le=1, description="the driver's: never discharged below")
    soc_max_ratio: float = Field(default=0.95, ge=0, le=1)
    wear_cny_per_kwh: float = Field(default=0.1, ge=0, description="per kWh discharged, grid side")
    timetable: tuple[Booking, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> "TwoWayChargerSpec":
        if not self.soc_min_ratio < self.soc_max_ratio:
            raise ValueError("soc_min_ratio < soc_max_ratio is required")
        for booking in self.timetable:
            if booking.departure_soc_ratio > self.soc_max_ratio or booking.arrival_soc_ratio > self.soc_max_ratio:
                raise ValueError("the timetable asks for more than soc_max_ratio")
            missing_kwh = self.battery_kwh * (booking.departure_soc_ratio - booking.arrival_soc_ratio)
            if missing_kwh > booking.stay_hours * self.charge_kw * self.charge_efficiency:
                raise ValueError("a stay of the timetable is too short for the energy that is needed")
        self._one_car_at_a_time()
        return self

    def _one_car_at_a_time(self) -> None:
        for k, one in enumerate(self.timetable):
            for j, other in enumerate(self.timetable):
                same_day = k < j and (one.days == other.days or "daily" in (one.days, other.days))
                if same_day and one.arrives_hour < other.ends_hour and other.arrives_hour < one.ends_hour:
                    raise ValueError("two stays of the timetable overlap")
                if one.ends_hour > 24 + other.arrives_hour:
                    raise ValueError("a stay of the timetable reaches into that of the next day")

    @property
    def rated_kw(self) -> float:
        return max(self.charge_kw, self.discharge_kw)

    @property
    def floor_kwh(self) -> float:
        return self.battery_kwh * self.soc_min_ratio

    @property
    def ceiling_kwh(self) -> float:
        return self.battery_kwh * self.soc_max_ratio


@dataclass(frozen=True)
class State:
    """The car that is plugged in ("" = none), what it holds [kWh], and what it took from the grid, net, by session."""

    car: str = ""
    battery_kwh: float = 0.0
    charged_kwh: dict[str, float] = field(default_factory=dict)


def initial_state(spec: TwoWayChargerSpec) -> State:
    return State()


def fallback(spec: TwoWayChargerSpec) -> Command:
    return Command(SETPOINT_KIND, 0.0)


def soc_ratio(spec: TwoWayChargerSpec, state: State) -> float | None:
    """State of charge of the car that is plugged in; None where there is none."""
    return state.battery_kwh / spec.battery_kwh if state.car else None


def sessions_of(spec: TwoWayChargerSpec, *, starts_at: datetime, ends_at: datetime, tz: ZoneInfo = SHANGHAI) -> tuple[Session, ...]:
    """The timetable's stays that touch [starts_at, ends_at), in order; hours count from `starts_at`."""
    found = []
    day = day_of(starts_at, tz=tz) - timedelta(days=1)
    while midnight(day, tz=tz) < ends_at:
        from_midnight = (midnight(day, tz=tz) - starts_at) / timedelta(hours=1)
        for k, booking in enumerate(spec.timetable):
            arrives, departs = from_midnight + booking.arrives_hour, from_midnight + booking.ends_hour
            applies = booking.days == "daily" or (booking.days == "working") == is_working(day)
            if applies and departs > DUST_H and arrives < (ends_at - starts_at) / timedelta(hours=1):
                arrival, departure = spec.battery_kwh * booking.arrival_soc_ratio, spec.battery_kwh * booking.departure_soc_ratio
                found.append(Session(f"{day:%Y%m%d}-{k}", arrives, departs, max(0.0, departure - arrival), arrival))
        day += timedelta(days=1)
    return tuple(sorted(found, key=lambda session: session.arrives_at))


def _goal_kwh(session: Session) -> float:
    return session.arrival_kwh + session.need_kwh


def left_alone(spec: TwoWayChargerSpec, session: Session, *, at_hours: float) -> float:
    """What the car of a session holds at `at_hours` when it charged at once and nobody steered [kWh]."""
    charged = max(0.0, at_hours - session.arrives_at) * spec.charge_kw * spec.charge_efficiency
    return session.arrival_kwh + min(charged, session.need_kwh)


def step(
    spec: TwoWayChargerSpec, state: State, *, drive: Drive, command: Command | None, at_hours: float, hours: float
) -> tuple[State, float]:
    """One step: the order, between the driver's least and full, and never so low that departure could not be met any more."""
    here = [s for s in drive.sessions if s.arrives_at <= at_hours + DUST_H and at_hours < s.departs_at - DUST_H]
    if not here:
        return State(charged_kwh=state.charged_kwh), 0.0
    session = min(here, key=lambda s: s.arrives_at)
    if state.car != session.key:
        state = State(session.key, session.arrival_kwh)
    plugged_h = min(hours, session.departs_at - at_hours)
    level, goal = state.battery_kwh, _goal_kwh(session)
    if command is not None and command.kind == SETPOINT_KIND:
        wanted = command.value_kw
    else:
        wanted = -max(0.0, goal - level) / (spec.charge_efficiency * plugged_h)
    later_kwh = max(0.0, session.departs_at - at_hours - plugged_h) * spec.charge_kw * spec.charge_efficiency
    least = max(min(spec.floor_kwh, session.arrival_kwh, level), goal - later_kwh)
    most = max(spec.ceiling_kwh, level, least)
    power = min(wanted, _injection_to(spec, level, least, plugged_h))
    power = max(power, _injection_to(spec, level, most, plugged_h))
    power = min(max(power, -spec.charge_kw), spec.discharge_kw)
    level += -power * plugged_h * (spec.charge_efficiency if power < 0 else 1 / spec.discharge_efficiency)
    injection = power * plugged_h / hours
    charged = {session.key: state.charged_kwh.get(session.key, 0.0) - injection * hours}
    return State(session.key, level, charged), injection


def _injection_to(spec: TwoWayChargerSpec, level_kwh: float, goal_kwh: float, hours: float) -> float:
    """Constant injection [kW] that takes the battery from one level to the other in `hours`."""
    change = goal_kwh - level_kwh
    return -change / (spec.charge_efficiency * hours) if change > 0 else -change * spec.discharge_efficiency / hours


def stays_of(spec: TwoWayChargerSpec, sessions: Iterable[Session], *, grid: Grid, plugged_kwh: float | None = None) -> tuple[Stay, ...]:
    """The whole periods of `grid` that each session covers, as stores; hours count from the grid's start.

    `plugged_kwh`: what the car that is there at the start holds then (its arrival was earlier). A session that goes on beyond
    the grid has to hold there what can still be charged to its goal afterwards. Goals out of reach are drawn back to what
    charging all the time gives.
    """
    n, h = len(grid), grid.hours
    stays = []
    for session in sessions:
        first = max(0, int(np.ceil(session.arrives_at / h - 1e-6)))
        end = min(n, int(np.floor(session.departs_at / h + 1e-6)))
        if end <= first:
            continue
        there = session.arrives_at < -DUST_H and plugged_kwh is not None
        level = plugged_kwh if there and plugged_kwh is not None else session.arrival_kwh
        gain = spec.charge_kw * spec.charge_efficiency
        beyond_h = max(0.0, session.departs_at - end * h) if end == n else 0.0
        low, high = min(spec.floor_kwh, level), max(spec.ceiling_kwh, level)
        needed = max(low, _goal_kwh(session) - beyond_h * gain)
        needed = min(needed, high, level + (end - first) * h * gain)
        stays.append(Stay(first, end, level, low, high, needed, spec.charge_efficiency, spec.discharge_efficiency))
    return tuple(stays)


def levels_of(spec: TwoWayChargerSpec, stay: Stay, *, hours: float, margin_kwh: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, highest) energy [kWh] at the ends of the stay's periods that still meets its end; (end - first,) each."""
    periods = np.arange(1, stay.end - stay.first + 1)
    gain, give = hours * spec.charge_kw * stay.eta_in, hours * spec.discharge_kw / stay.eta_out
    lowest = np.maximum(stay.min_kwh + margin_kwh, stay.initial_kwh - periods * give)
    lowest = np.maximum(lowest, stay.end_kwh - (len(periods) - periods) * gain)
    highest = np.minimum(stay.max_kwh - margin_kwh, stay.initial_kwh + periods * gain)
    highest = np.maximum(highest, np.minimum(stay.initial_kwh, stay.end_kwh))
    return np.minimum(lowest, np.maximum(highest, stay.end_kwh)), np.maximum(highest, np.minimum(lowest, highest))


def envelope(spec: TwoWayChargerSpec, *, grid: Grid, stays: tuple[Stay, ...], margin_kwh: float = 0.0, quality: str = "good") -> Envelope:
    """Base charges at once up to the need. Each energy bound can be reached, not all of them on one course: a cycle costs losses.

    `margin_kwh` keeps away from both ends (state of charge on arrival not yet known).
    """
    n, h = len(grid), grid.hours
    base, low_kw, high_kw = np.zeros(n), np.zeros(n), np.zeros(n)
    low_kwh, high_kwh = np.zeros(n), np.zeros(n)
    for stay in stays:
        inside = slice(stay.first, stay.end)
        lowest, highest = levels_of(spec, stay, hours=h, margin_kwh=margin_kwh)
        charged = np.minimum(np.arange(1, stay.end - stay.first + 1) * h * spec.charge_kw * stay.eta_in, stay.end_kwh - stay.initial_kwh)
        base[inside] = -np.diff(np.maximum(charged, 0.0), prepend=0.0) / (h * stay.eta_in)
        low_kw[inside], high_kw[inside] = -spec.charge_kw, spec.discharge_kw
        for bound, levels in ((low_kwh, highest), (high_kwh, lowest)):
            change = levels - stay.initial_kwh
            injected = np.where(change > 0, -change / stay.eta_in, -change * stay.eta_out)
            bound[inside] += injected
            bound[stay.end :] += injected[-1]
    base_kwh = np.cumsum(base) * h
    return Envelope(grid, base, low_kw, high_kw, np.minimum(low_kwh, base_kwh), np.maximum(high_kwh, base_kwh), quality=quality)


def device(spec: TwoWayChargerSpec, envelope: Envelope, *, stays: tuple[Stay, ...]) -> Device:
    """One store for each stay; as far as the envelope's power allows. Needs that this puts out of reach are drawn back."""
    n, h = len(envelope.grid), envelope.grid.hours
    zero = np.zeros(n)
    if envelope.quality not in ("good", "degraded"):
        return Device(fixed_kw=envelope.base_kw, up_kw=zero, down_kw=zero)
    there = np.zeros(n, dtype=bool)
    for stay in stays:
        there[stay.first : stay.end] = True
    up = np.where(there, np.clip(envelope.max_kw, 0.0, spec.discharge_kw), 0.0)
    down = np.where(there, np.clip(-envelope.min_kw, 0.0, spec.charge_kw), 0.0)
    return Device(
        fixed_kw=zero,
        up_kw=up,
        down_kw=down,
        up_cost_cny_per_kwh=spec.wear_cny_per_kwh,
        stays=tuple(_within_reach(stay, down[stay.first : stay.end].sum() * h * stay.eta_in) for stay in stays),
        terminal_value_ratio=spec.discharge_efficiency,
    )


def _within_reach(stay: Stay, most_gained_kwh: float) -> Stay:
    return replace(stay, end_kwh=min(stay.end_kwh, stay.initial_kwh + most_gained_kwh))

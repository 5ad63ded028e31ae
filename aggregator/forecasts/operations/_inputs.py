"""What was known about every member at issue, as the domain's facts."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from aggregator.assets.domain import Spec, air_conditioning
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.storage import Held, StorageSpec, held_on
from aggregator.assets.queries import CommitmentWindow, Member, commitments
from aggregator.enterprises.models import Park
from aggregator.forecasts import queries
from aggregator.forecasts.domain import SIGN, Facts, Frame, Place, Stay, Windows, on_frame
from aggregator.kernel.fingerprint import fingerprint
from aggregator.telemetry import queries as telemetry

NOT_LEARNED = ("intervened", "event_day", "outage")
NOT_MOVABLE = ("opt_out", "outage", "reserved")
WITH_SESSIONS = ("ev_station", "two_way_charger")
WITH_STATE = ("storage", "air_conditioning", "two_way_charger")


@dataclass(frozen=True)
class MemberInputs:
    member: Member
    facts: Facts
    windows: Windows
    last_known_hours: float | None

    @property
    def hashed(self) -> dict:
        facts = self.facts
        return {
            "asset": str(self.member.public_id),
            "kind": self.member.kind,
            "spec": self.member.spec,
            "activity_kw": facts.activity_kw,
            "place": facts.place,
            "weather": facts.weather,
            "stays": np.array(
                [[stay.arrives_at, stay.departs_at, stay.charged_kwh, stay.need_kwh] for stay in facts.stays], dtype=np.float64
            ),
            "soc": [facts.soc_ratio, facts.soc_age_hours],
            "held": facts.held,
            "opt_out": self.windows.opt_out,
            "reserved": self.windows.reserved,
            "outage": self.windows.outage,
        }


def inputs_hash(*, frame: Frame, inputs: list[MemberInputs], model_version: str) -> str:
    return fingerprint([frame.grid, frame.issued_at, model_version, [item.hashed for item in inputs]])


def gather(*, park: Park, frame: Frame, members: list[Member]) -> list[MemberInputs]:
    """Reads only what was known at `frame.issued_at`."""
    issued_at, ids = frame.issued_at, [member.asset_id for member in members]
    power = telemetry.power(asset_ids=ids, grid=frame.history_grid, known_at=issued_at, good_only=True)
    states = _states(frame, members, power)
    stations = [member.asset_id for member in members if member.kind in WITH_SESSIONS]
    rooms = _rooms(frame, members)
    origin = frame.history_grid.starts_at
    rows = telemetry.sessions(asset_ids=stations, starts_at=origin, ends_at=issued_at, known_at=issued_at) if stations else {}
    ends_at = max(frame.grid.ends_at, issued_at)
    windows = commitments(asset_ids=ids, starts_at=origin, ends_at=ends_at, known_at=issued_at, kinds=sorted({*NOT_LEARNED, *NOT_MOVABLE}))
    weather = queries.weather(park_id=park.pk, asset_ids=ids, first_day=frame.days[0], last_day=frame.days[-1], known_at=issued_at)
    of_park = on_frame(frame, weather.get(None, []))
    place = Place(park.latitude, park.longitude)
    out = []
    for k, member in enumerate(members):
        own = [window for window in windows if window.asset_id == member.asset_id]
        learned = np.where(_covered(frame, own, NOT_LEARNED), np.nan, power[k])
        if isinstance(member.spec, AirConditioningSpec):
            learned = _as_at_set_point(frame, member.spec, own, power[k], rooms[member.asset_id], learned)
        soc_ratio, soc_age_hours = states.get(member.asset_id, (None, None))
        facts = Facts(
            activity_kw=frame.matrix(np.maximum(SIGN[member.kind] * learned, 0.0), frame.history_grid),
            place=place,
            weather={**of_park, **on_frame(frame, weather.get(member.asset_id, []))},
            stays=_stays(rows.get(member.asset_id, []), origin),
            held=_held(frame, member.spec, own),
            soc_ratio=soc_ratio,
            soc_age_hours=soc_age_hours,
        )
        out.append(MemberInputs(member, facts, _windows(frame, member.spec, own), _age(frame, power[k])))
    return out


def _states(frame: Frame, members: list[Member], power: np.ndarray) -> dict[int, tuple[float | None, float | None]]:
    """Newest state of charge of each store in the last two days, and its age [h]."""
    rows = [k for k, member in enumerate(members) if member.kind in WITH_STATE]
    if not rows:
        return {}
    ids = [members[k].asset_id for k in rows]
    whole = frame.history_grid
    grid = whole.tail(max(0, len(whole) - 2 * frame.slots))
    measured = telemetry.soc(asset_ids=ids, grid=grid, known_at=frame.issued_at)
    out: dict[int, tuple[float | None, float | None]] = {}
    for asset_id, k, values in zip(ids, rows, measured, strict=True):
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            ended = grid.starts_at + (int(known[-1]) + 1) * grid.resolution
            out[asset_id] = (float(values[known[-1]]), (frame.issued_at - ended).total_seconds() / 3600)
        else:
            out[asset_id] = (None, float("inf") if np.isfinite(power[k]).any() else None)
    return out


def _rooms(frame: Frame, members: list[Member]) -> dict[int, np.ndarray]:
    """How cold the rooms of the air-conditioned buildings were, over the whole history."""
    ids = [member.asset_id for member in members if isinstance(member.spec, AirConditioningSpec)]
    if not ids:
        return {}
    return dict(zip(ids, telemetry.soc(asset_ids=ids, grid=frame.history_grid, known_at=frame.issued_at), strict=True))


def _as_at_set_point(
    frame: Frame, spec: AirConditioningSpec, own: list[CommitmentWindow], power: np.ndarray, room: np.ndarray, learned: np.ndarray
) -> np.ndarray:
    """What holds the set point, worked out from power and room where both are known, moved by us or not; else what was learned."""
    found = air_conditioning.natural_kw(spec, consumed_kw=-power, soc_ratio=room, hours=frame.grid.hours)
    told = np.isfinite(found) & ~_covered(frame, own, ("event_day", "outage"))
    return np.where(told, -np.minimum(found, spec.rated_kw), learned)


def _held(frame: Frame, spec: Spec, windows: list[CommitmentWindow]) -> Held | None:
    if not isinstance(spec, StorageSpec):
        return None
    grid = frame.grid
    sold = [(grid.window(w.starts_at, w.ends_at), w.reserve) for w in windows if w.kind == "reserved" and w.reserve is not None]
    sold = [(window, reserve) for window, reserve in sold if window.stop > window.start]
    return held_on(grid, [(window, reserve) for window, reserve in sold if reserve is not None]) if sold else None


def _covered(frame: Frame, windows: list[CommitmentWindow], kinds: tuple[str, ...]) -> np.ndarray:
    mask = np.zeros(len(frame.history_grid), dtype=bool)
    for window in windows:
        if window.kind in kinds:
            mask[frame.history_grid.window(window.starts_at, window.ends_at)] = True
    return mask


def _windows(frame: Frame, spec: Spec, windows: list[CommitmentWindow]) -> Windows:
    """Where nothing may be moved. A storage of which only a part is reserved moves with the rest of it."""
    masks = {kind: np.zeros(len(frame.grid), dtype=bool) for kind in NOT_MOVABLE}
    for window in windows:
        if window.kind in masks and not (window.reserve is not None and isinstance(spec, StorageSpec)):
            masks[window.kind][frame.grid.window(window.starts_at, window.ends_at)] = True
    return Windows(opt_out=masks["opt_out"], reserved=masks["reserved"], outage=masks["outage"])


def _age(frame: Frame, power: np.ndarray) -> float | None:
    """Hours from the newest known value to the issue; None without any."""
    known = np.flatnonzero(np.isfinite(power))
    if not known.size:
        return None
    newest = frame.history_grid.starts_at + (int(known[-1]) + 1) * frame.grid.resolution
    return (frame.issued_at - newest).total_seconds() / 3600


def _stays(rows: list[telemetry.SessionRow], origin: datetime) -> tuple[Stay, ...]:
    """Sessions in hours from `origin`, by arrival."""
    out = []
    for row in rows:
        arrives = (row.plugged_in_at - origin).total_seconds() / 3600
        departs = None if row.plugged_out_at is None else (row.plugged_out_at - origin).total_seconds() / 3600
        if departs is None or departs > arrives:
            out.append(Stay(row.session_key, arrives, departs, row.energy_kwh, row.need_kwh))
    return tuple(sorted(out, key=lambda stay: (stay.arrives_at, stay.key)))

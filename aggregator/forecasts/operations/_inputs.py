"""What was known about every member at issue beside its power, as the domain's facts."""

from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Spec
from aggregator.assets.domain.storage import Held, StorageSpec, held_on
from aggregator.assets.queries import CommitmentWindow, Member, commitments
from aggregator.forecasts.domain import Facts, Frame, Windows
from aggregator.forecasts.operations._sessions import stays_of
from aggregator.kernel.fingerprint import fingerprint
from aggregator.telemetry import queries as telemetry

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
            "stays": np.array(
                [[stay.arrives_at, stay.departs_at, stay.charged_kwh, stay.need_kwh] for stay in facts.stays], dtype=np.float64
            ),
            "soc": [facts.soc_ratio, facts.soc_age_hours],
            "held": facts.held,
            "opt_out": self.windows.opt_out,
            "reserved": self.windows.reserved,
            "outage": self.windows.outage,
        }


def inputs_hash(*, frame: Frame, inputs: list[MemberInputs], learned: list[str], model_version: str) -> str:
    """`learned`: fingerprints of what the engines had learned, and of what is live since."""
    return fingerprint([frame.grid, frame.issued_at, model_version, learned, [item.hashed for item in inputs]])


def gather(*, frame: Frame, members: list[Member]) -> list[MemberInputs]:
    """Reads only what was known at `frame.issued_at`."""
    issued_at, ids = frame.issued_at, [member.asset_id for member in members]
    heard = telemetry.latest(asset_ids=ids, at=issued_at)
    states = _states(frame, members)
    stations = [member.asset_id for member in members if member.kind in WITH_SESSIONS]
    origin = frame.history_grid.starts_at
    rows = telemetry.sessions(asset_ids=stations, starts_at=origin, ends_at=issued_at, known_at=issued_at) if stations else {}
    ends_at = max(frame.grid.ends_at, issued_at)
    windows = commitments(asset_ids=ids, starts_at=issued_at, ends_at=ends_at, known_at=issued_at, kinds=sorted(NOT_MOVABLE))
    out = []
    for member in members:
        own = [window for window in windows if window.asset_id == member.asset_id]
        soc_ratio, soc_age_hours = states.get(member.asset_id, (None, None))
        facts = Facts(
            stays=stays_of(rows.get(member.asset_id, []), origin),
            held=_held(frame, member.spec, own),
            soc_ratio=soc_ratio,
            soc_age_hours=soc_age_hours,
        )
        newest = heard.get(member.asset_id)
        age = (issued_at - newest.ends_at).total_seconds() / 3600 if newest is not None else None
        if age is None and member.kind in WITH_SESSIONS and facts.stays:
            age = 0.0  # its sessions tell
        out.append(MemberInputs(member, facts, _windows(frame, member.spec, own), age))
    return out


def _states(frame: Frame, members: list[Member]) -> dict[int, tuple[float | None, float | None]]:
    """Newest state of charge of each store in the last two days, and its age [h]; never heard: (None, None)."""
    ids = [member.asset_id for member in members if member.kind in WITH_STATE]
    if not ids:
        return {}
    whole = frame.history_grid
    grid = whole.tail(max(0, len(whole) - round(48 / whole.hours)))
    measured = telemetry.soc(asset_ids=ids, grid=grid, known_at=frame.issued_at)
    out: dict[int, tuple[float | None, float | None]] = {}
    for asset_id, values in zip(ids, measured, strict=True):
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            ended = grid.starts_at + (int(known[-1]) + 1) * grid.resolution
            out[asset_id] = (float(values[known[-1]]), (frame.issued_at - ended).total_seconds() / 3600)
    silent = [asset_id for asset_id in ids if asset_id not in out]
    ever = telemetry.latest(asset_ids=silent, at=frame.issued_at, lookback=frame.issued_at - whole.starts_at) if silent else {}
    return {**out, **{asset_id: (None, float("inf") if asset_id in ever else None) for asset_id in silent}}


def _held(frame: Frame, spec: Spec, windows: list[CommitmentWindow]) -> Held | None:
    if not isinstance(spec, StorageSpec):
        return None
    grid = frame.grid
    sold = [(grid.window(w.starts_at, w.ends_at), w.reserve) for w in windows if w.kind == "reserved" and w.reserve is not None]
    sold = [(window, reserve) for window, reserve in sold if window.stop > window.start]
    return held_on(grid, [(window, reserve) for window, reserve in sold if reserve is not None]) if sold else None


def _windows(frame: Frame, spec: Spec, windows: list[CommitmentWindow]) -> Windows:
    """Where nothing may be moved. A storage of which only a part is reserved moves with the rest of it."""
    masks = {kind: np.zeros(len(frame.grid), dtype=bool) for kind in NOT_MOVABLE}
    for window in windows:
        if window.kind in masks and not (window.reserve is not None and isinstance(spec, StorageSpec)):
            masks[window.kind][frame.grid.window(window.starts_at, window.ends_at)] = True
    return Windows(opt_out=masks["opt_out"], reserved=masks["reserved"], outage=masks["outage"])

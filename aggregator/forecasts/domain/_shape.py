"""Envelopes as distances from their base, and what keeps them consistent when they are cut.

up, down [kW] and up_kwh, down_kwh: how far power and cumulative energy may go from the base. The energy
distances change per period by at most the power distances (invariant 2 of docs/availability.md).
"""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.kernel.periods import Grid


@dataclass(frozen=True)
class Room:
    """Distances from the base, all >= 0, shape (n,) of one asset or (N, n) of many."""

    up_kw: np.ndarray
    down_kw: np.ndarray
    up_kwh: np.ndarray
    down_kwh: np.ndarray


def room_of(envelope: Envelope) -> Room:
    base_kwh = np.cumsum(envelope.base_kw, axis=-1) * envelope.grid.hours
    return Room(
        np.maximum(envelope.up_kw, 0.0),
        np.maximum(envelope.down_kw, 0.0),
        np.maximum(envelope.max_kwh - base_kwh, 0.0),
        np.maximum(base_kwh - envelope.min_kwh, 0.0),
    )


def shaped(envelope: Envelope, room: Room) -> Envelope:
    """`envelope` with the distances of `room`, energies reduced to what the powers can reach."""
    hours = envelope.grid.hours
    base, base_kwh = envelope.base_kw, np.cumsum(envelope.base_kw, axis=-1) * hours
    up_kwh = reachable(room.up_kwh, rise=room.up_kw * hours, fall=room.down_kw * hours)
    down_kwh = reachable(room.down_kwh, rise=room.down_kw * hours, fall=room.up_kw * hours)
    return replace(
        envelope,
        min_kw=base - room.down_kw,
        max_kw=base + room.up_kw,
        min_kwh=base_kwh - down_kwh,
        max_kwh=base_kwh + up_kwh,
    )


def reachable(distance: np.ndarray, *, rise: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """The largest curve below `distance` that starts at 0 and per period rises by <= rise, falls by <= fall."""
    out = np.empty_like(distance)
    before = np.zeros(distance.shape[:-1])
    for t in range(distance.shape[-1]):
        before = out[..., t] = np.minimum(distance[..., t], before + rise[..., t])
    for t in range(distance.shape[-1] - 2, -1, -1):
        out[..., t] = np.minimum(out[..., t], out[..., t + 1] + fall[..., t + 1])
    return out


def nested(firm: Envelope, expected: Envelope, optimistic: Envelope) -> dict[str, Envelope]:
    """Clip inwards, so that up, down and their energies grow from firm to expected to optimistic.

    Only ever reduces: nothing becomes possible that a level did not claim.
    """
    outer = shaped(optimistic, room_of(optimistic))
    middle = shaped(expected, _less(room_of(expected), room_of(outer)))
    inner = shaped(firm, _less(room_of(firm), room_of(middle)))
    return {"firm": inner, "expected": middle, "optimistic": outer}


def _less(one: Room, other: Room) -> Room:
    return Room(
        np.minimum(one.up_kw, other.up_kw),
        np.minimum(one.down_kw, other.down_kw),
        np.minimum(one.up_kwh, other.up_kwh),
        np.minimum(one.down_kwh, other.down_kwh),
    )


def frozen(envelope: Envelope, *, still: np.ndarray, quality: str) -> Envelope:
    """Nothing may be moved where `still` (n,) is true; a window that covers everything names its reason."""
    if not still.any():
        return envelope
    room = room_of(envelope)
    move = np.where(still, 0.0, 1.0)
    cut = shaped(envelope, replace(room, up_kw=room.up_kw * move, down_kw=room.down_kw * move))
    return replace(cut, quality=quality) if still.all() else cut


def cut(envelope: Envelope, grid: Grid) -> Envelope:
    """The part of `envelope` on `grid`, as it is when the base was followed until then.

    Raises ValueError where `grid` is not a piece of the envelope's grid.
    """
    whole = envelope.grid
    if grid == whole:
        return envelope
    first = (grid.starts_at - whole.starts_at) // whole.resolution
    inside = grid.resolution == whole.resolution and 0 <= first <= first + len(grid) <= len(whole)
    if not inside or whole.starts_at + first * whole.resolution != grid.starts_at:
        raise ValueError("the grid is not a piece of the envelope's grid")
    part = slice(first, first + len(grid))
    room = room_of(envelope)
    piece = replace(envelope, grid=grid, base_kw=envelope.base_kw[part], min_kw=envelope.min_kw[part], max_kw=envelope.max_kw[part])
    return shaped(piece, Room(room.up_kw[part], room.down_kw[part], room.up_kwh[part], room.down_kwh[part]))

"""The portfolio's own forecast: means add, quantiles do not; bands come from its own summed errors."""

from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._shape import Room, nested, room_of, shaped
from aggregator.forecasts.domain._types import LEVELS, AssetForecast, Quantiles


@dataclass(frozen=True)
class OwnBands:
    """(3, n) P10, P50, P90 of the summed error [kW]: of the injection, and of what can be moved up and down. None = too few days."""

    power: np.ndarray | None
    up: np.ndarray | None
    down: np.ndarray | None


def forecast_portfolio(*, frame: Frame, members: list[AssetForecast], own: OwnBands) -> tuple[Quantiles, dict[str, Envelope]]:
    """Quantiles of the summed injection, and three envelopes around the summed expected base.

    A member without a forecast is in no sum: quality "degraded".
    Without any member that has a forecast everything is NaN and idle, quality "missing".
    """
    n = len(frame.grid)
    known = [member for member in members if member.quantiles.quality != "missing"]
    quality = "good" if all(member.quantiles.quality == "good" for member in members) and members else "degraded"
    if not known:
        unknown, zero = np.full(n, np.nan), np.zeros(n)
        idle = Envelope(frame.grid, zero, zero, zero, zero, zero, quality="missing")
        return Quantiles(unknown, unknown, unknown, unknown, unknown, "missing"), dict.fromkeys(LEVELS, idle)
    mean = np.sum([member.quantiles.mean for member in known], axis=0)
    persistence = np.sum([member.quantiles.persistence for member in known], axis=0)
    if own.power is None:  # no common past: as if all were wrong at once
        p10, p50, p90 = (np.sum([getattr(member.quantiles, name) for member in known], axis=0) for name in ("p10", "p50", "p90"))
        quality = "degraded"
    else:
        p10, p50, p90 = np.sort(mean + own.power, axis=0)
    return Quantiles(mean, p10, p50, p90, persistence, quality), _levels(frame, known, quality, own)


def _levels(frame: Frame, known: list[AssetForecast], quality: str, own: OwnBands) -> dict[str, Envelope]:
    """Expected = sum of members. Firm and optimistic move its distances by the quantiles of their own errors."""
    rooms = {level: _sum([room_of(member.levels[level]) for member in known]) for level in LEVELS}
    envelopes = [member.levels["expected"] for member in known]
    base = np.sum([envelope.base_kw for envelope in envelopes], axis=0)
    middle = rooms["expected"]
    low, high = rooms["firm"], rooms["optimistic"]
    firm_up, most_up = _bent(middle.up_kw, low.up_kw, high.up_kw, own.up)
    firm_down, most_down = _bent(middle.down_kw, low.down_kw, high.down_kw, own.down)
    blank = Envelope(
        frame.grid,
        base,
        base,
        base,
        base,
        base,
        notice_s=min(envelope.notice_s for envelope in envelopes),  # longer ones are already in the arrays
        quality=quality,
    )
    rough = {
        "firm": Room(
            firm_up, firm_down, _scaled(middle.up_kwh, middle.up_kw, firm_up), _scaled(middle.down_kwh, middle.down_kw, firm_down)
        ),
        "expected": middle,
        "optimistic": Room(
            most_up,
            most_down,
            np.maximum(middle.up_kwh, high.up_kwh),
            np.maximum(middle.down_kwh, high.down_kwh),
        ),
    }
    return nested(**{level: shaped(blank, room) for level, room in rough.items()})


def _bent(middle: np.ndarray, low: np.ndarray, high: np.ndarray, bands: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(firm, optimistic) power distances; never beyond what the members' own levels add up to."""
    low, high = np.minimum(low, middle), np.maximum(high, middle)
    if bands is None:
        return low, high
    return np.clip(middle + bands[0], low, middle), np.clip(middle + bands[2], middle, high)


def _sum(rooms: list[Room]) -> Room:
    return Room(
        np.sum([room.up_kw for room in rooms], axis=0),
        np.sum([room.down_kw for room in rooms], axis=0),
        np.sum([room.up_kwh for room in rooms], axis=0),
        np.sum([room.down_kwh for room in rooms], axis=0),
    )


def _scaled(energy_kwh: np.ndarray, expected_kw: np.ndarray, firm_kw: np.ndarray) -> np.ndarray:
    """Energy in the ratio in which the power so far is firm: calls stay as long, and become smaller."""
    expected, firm = np.cumsum(expected_kw), np.cumsum(firm_kw)
    return energy_kwh * np.divide(firm, expected, out=np.zeros_like(firm), where=expected > 0)

"""The portfolio's own forecast: means add, quantiles do not; bands come from its own summed errors."""

import numpy as np

from aggregator.assets.domain import Envelope
from aggregator.forecasts.domain._bands import clock_bands
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._shape import Room, nested, room_of, shaped
from aggregator.forecasts.domain._types import LEVELS, AssetForecast, Quantiles

LEAST_SHARE = 0.8  # of the error variance must be known on a past day for it to count


def forecast_portfolio(*, frame: Frame, members: list[AssetForecast]) -> tuple[Quantiles, dict[str, Envelope]]:
    """Quantiles of the summed injection, and three envelopes around the summed expected base.

    The history is that of the present members. A member without a forecast is in no sum: quality "degraded".
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
    bands = _own_bands(frame, [member.errors_kw for member in known])
    if bands is None:  # no common past: as if all were wrong at once
        p10, p50, p90 = (np.sum([getattr(member.quantiles, name) for member in known], axis=0) for name in ("p10", "p50", "p90"))
        quality = "degraded"
    else:
        p10, p50, p90 = np.sort(mean + bands, axis=0)
    return Quantiles(mean, p10, p50, p90, persistence, quality), _levels(frame, known, quality)


def _own_bands(frame: Frame, errors: list[np.ndarray]) -> np.ndarray | None:
    """(3, n) quantiles of the summed error over the days on which every member's error is known; None if too few."""
    moving = [error for error in errors if error.shape[0]]
    n = len(frame.grid)
    if not moving:
        return np.zeros((3, n))
    total = _total(np.stack(moving))
    day, _ = frame.target
    past = np.arange(frame.first_target - total.shape[0], frame.first_target)
    inside = np.clip(past[:, None] + (day - frame.first_target)[None, :], 0, len(frame.days) - 1)
    bands = clock_bands(total, same_type=frame.working[inside] == frame.working[day][None, :])
    return bands if np.isfinite(bands).all() else None


def _total(errors: np.ndarray) -> np.ndarray:
    """Sum over members of (N, B, J, n). Where some are unknown, the known ones stand for all by their variance."""
    finite = np.isfinite(errors)
    weight = np.where(finite, errors**2, 0.0).sum(axis=(1, 2, 3)) / np.maximum(finite.sum(axis=(1, 2, 3)), 1)
    whole = weight.sum()
    if whole <= 0:
        return np.where(finite.all(axis=0), 0.0, np.nan)
    share = np.tensordot(weight, finite, axes=(0, 0)) / whole
    total = np.where(finite, errors, 0.0).sum(axis=0)
    return np.where(share >= LEAST_SHARE, total / np.sqrt(np.maximum(share, LEAST_SHARE)), np.nan)


def _levels(frame: Frame, known: list[AssetForecast], quality: str) -> dict[str, Envelope]:
    """Expected = sum of members. Firm and optimistic move its distances by the quantiles of their own errors."""
    rooms = {level: _sum([room_of(member.levels[level]) for member in known]) for level in LEVELS}
    envelopes = [member.levels["expected"] for member in known]
    base = np.sum([envelope.base_kw for envelope in envelopes], axis=0)
    middle = rooms["expected"]
    up = _own_bands(frame, [member.up_errors_kw for member in known])
    down = _own_bands(frame, [member.down_errors_kw for member in known])
    low, high = rooms["firm"], rooms["optimistic"]
    firm_up, most_up = _bent(middle.up_kw, low.up_kw, high.up_kw, up)
    firm_down, most_down = _bent(middle.down_kw, low.down_kw, high.down_kw, down)
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

"""Storage moves only when told: idle without us, so its forecast is exact and its state is what matters."""

import numpy as np

from aggregator.assets.domain.storage import StorageSpec
from aggregator.forecasts.domain._frame import Frame
from aggregator.forecasts.domain._types import Facts, Outlook

FRESH_HOURS = 2.0  # for a grid that begins now
FRESH_HOURS_AHEAD = 24.0  # for one that begins later: the state will have moved anyway
METER_ERROR_RATIO = 0.02
UNSEEN_ERROR_RATIO = 0.10  # state read more than an hour before the grid begins


def forecast(*, frame: Frame) -> Outlook:
    """Activity is injection itself: zero, and so is its persistence."""
    zero = np.zeros(len(frame.grid))
    return Outlook(zero, zero, zero, zero, zero)


def stored_kwh(spec: StorageSpec, facts: Facts, *, hours_ahead: float) -> float | None:
    """Last measured state of charge [kWh]; None where it was never or not lately measured."""
    if facts.soc_ratio is None or not fresh(facts, hours_ahead=hours_ahead):
        return None
    return float(np.clip(facts.soc_ratio, 0.0, 1.0)) * spec.energy_kwh


def fresh(facts: Facts, *, hours_ahead: float) -> bool:
    """Was a state measured lately enough for a grid that begins in `hours_ahead`?"""
    oldest = FRESH_HOURS if hours_ahead <= 1 else FRESH_HOURS_AHEAD
    return facts.soc_age_hours is not None and facts.soc_age_hours <= oldest


def margin_kwh(spec: StorageSpec, *, level: str, hours_ahead: float) -> float:
    """Distance kept from both ends: meter error, and more where the state was read long before the start."""
    if level != "firm":
        return 0.0
    return spec.energy_kwh * (METER_ERROR_RATIO if hours_ahead <= 1 else UNSEEN_ERROR_RATIO)

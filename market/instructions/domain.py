"""The grid's order, checked before it is believed: does it stay inside what was awarded?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid, as_utc

TOLERANCE_KW = 1e-6


class InstructionMalformed(Anticipated):
    code = "instruction.malformed"
    text = "The dispatch instruction is not valid: %(why)s."
    status = 422


class InstructionMessage(BaseModel):
    """`injection_change_kw` is the change above the baseline, up positive, for [starts_at, ends_at)."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    instruction_id: str = Field(min_length=1, max_length=80)
    award_id: str = Field(min_length=1, max_length=80)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    injection_change_kw: float

    @model_validator(mode="after")
    def _ordered(self) -> "InstructionMessage":
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


def parse_instruction(data: Any) -> InstructionMessage:
    """Raises InstructionMalformed with every problem in it."""
    try:
        return InstructionMessage.model_validate(data)
    except ValidationError as problem:
        why = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'data'}: {e['msg']}" for e in problem.errors())
        raise InstructionMalformed(why=why) from problem


def instruction_problem(
    message: InstructionMessage, *, starts: Sequence[datetime], awarded_kw: Sequence[float], resolution: timedelta, received_at: datetime
) -> str:
    """Why the order is refused, as a code; "" where it stands.

    `starts` and `awarded_kw` [kW, change of injection, signed] are the award's periods. Every moment of
    the order lies in an awarded period, and nowhere is more ordered than awarded, or the other way.
    """
    if as_utc(message.ends_at) <= received_at:
        return "window_over"
    awarded = {as_utc(at): float(kw) for at, kw in zip(starts, awarded_kw, strict=True)}
    covered = {at: kw for at, kw in awarded.items() if at < message.ends_at and at + resolution > message.starts_at}
    length = sum((min(at + resolution, message.ends_at) - max(at, message.starts_at) for at in covered), timedelta(0))
    if length != message.ends_at - message.starts_at:
        return "outside_awarded_window"
    for kw in covered.values():
        if message.injection_change_kw * kw < 0 or abs(message.injection_change_kw) > abs(kw) + TOLERANCE_KW:
            return "above_award"
    return ""


def target_kw(*, grid: Grid, window: slice, baseline_kw: np.ndarray, change_kw: float) -> np.ndarray:
    """Injection to hold: baseline + change in `window` of `grid`, NaN elsewhere; shape (n_periods,).

    `baseline_kw` has the window's shape. Raises ValueError where it has a gap: no target is invented.
    """
    if not np.isfinite(baseline_kw).all():
        raise ValueError("the baseline has a gap")
    target = np.full(len(grid), np.nan)
    target[window] = baseline_kw + change_kw
    return target


def rest_of_day(*, day: Grid, now: datetime) -> Grid:
    """The day from the running period on. Raises OutsideGrid after its last period."""
    return day.tail(day.index(max(now, day.starts_at)))

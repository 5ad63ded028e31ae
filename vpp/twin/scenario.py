"""What goes wrong on purpose, and what the market operator does: the `twin` part of park.yaml."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aggregator.kernel.periods import SHANGHAI

FaultKind = Literal["acknowledges_and_does_nothing", "offline", "lost_acknowledgements", "lies"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Part):
    """`on` names an asset (does nothing, lies) or a gateway (offline, lost acknowledgements).

    Local clock times of the delivery day; without them the whole replay.
    """

    kind: FaultKind
    on: str
    starts: time | None = None
    ends: time | None = None
    loss_ratio: float = Field(default=1.0, ge=0, le=1)

    def window(self, midnight_utc: datetime) -> tuple[datetime, datetime]:
        """The fault's time on the day that begins at `midnight_utc`."""
        local = midnight_utc.astimezone(SHANGHAI)
        far = timedelta(days=10)
        starts_at = _at(local, self.starts) if self.starts else local - far
        ends_at = _at(local, self.ends) if self.ends else local + far
        return starts_at, ends_at


def _at(midnight: datetime, clock: time) -> datetime:
    return midnight.replace(hour=clock.hour, minute=clock.minute, second=clock.second)


class Invitation(_Part):
    """Demand response that the operator asks for; the window is local time of the delivery day."""

    direction: Literal["shave", "fill"] = "shave"
    starts: time
    ends: time
    max_kw: float = Field(gt=0)
    price_cap_cny_per_mwh: Decimal = Field(ge=0)
    clearing_price_cny_per_mwh: Decimal | None = None
    called: bool = True
    notice_minutes: int = Field(default=30, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Invitation":
        if self.ends <= self.starts:
            raise ValueError("ends after starts is required")
        return self


class ReserveMarket(_Part):
    """A synthetic clearing of reserve capacity: one price all day in each direction [CNY per MW and hour], which nobody moves."""

    up_cny_per_mw_h: Decimal | None = None
    down_cny_per_mw_h: Decimal | None = None


class Correction(_Part):
    """One meter reading that the grid company corrects afterwards."""

    metering_point: str
    change_ratio: float = Field(default=0.02, gt=-1)
    starts: time = time(8)
    ends: time = time(12)


class Scenario(_Part):
    seed: int = 1
    acknowledgement_delay_s: float = Field(default=8, ge=0)
    acknowledgement_loss_ratio: float = Field(default=0.0, ge=0, le=1)
    step_minutes: int = Field(default=5, ge=1, le=15)
    faults: tuple[Fault, ...] = ()
    invitation: Invitation | None = None
    reserve: ReserveMarket | None = Field(default=None, description="synthetic; without it no reserve is accepted")
    correction: Correction | None = None

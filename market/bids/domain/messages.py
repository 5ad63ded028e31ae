"""What the platform writes to us about bids (docs/architecture.md section 7), checked before it is believed."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from aggregator.kernel.errors import Anticipated


class MessageRefused(Anticipated):
    code = "bid.message_refused"
    text = "The platform's message %(type)s is not valid: %(why)s."
    status = 422


class _Message(BaseModel):
    """Fields that we do not know are the platform's business; those that we use are checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class InvitationMessage(_Message):
    reference: str = Field(min_length=1, max_length=80)
    delivery_day: date
    direction: Literal["shave", "fill"]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    max_kw: float = Field(gt=0)
    price_cap_cny_per_mwh: Decimal
    reply_by: AwareDatetime

    @model_validator(mode="after")
    def _ordered(self) -> "InvitationMessage":
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class ReceiptMessage(_Message):
    bid_id: UUID
    reason: str | None = None


class AwardedPeriod(_Message):
    starts_at: AwareDatetime
    injection_kw: Decimal
    price_cny_per_mwh: Decimal


class AwardMessage(_Message):
    award_id: str = Field(min_length=1, max_length=80)
    bid_id: UUID
    product: Literal["spot", "demand_response", "reserve_up", "reserve_down"]
    delivery_day: date
    periods: tuple[AwardedPeriod, ...] = ()

    @property
    def starts(self) -> tuple[datetime, ...]:
        return tuple(period.starts_at for period in self.periods)


Message = TypeVar("Message", bound=_Message)


def parse_message(kind: type[Message], data: Any, *, type_: str) -> Message:
    """Raises MessageRefused with every problem in it."""
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        why = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'data'}: {e['msg']}" for e in problem.errors())
        raise MessageRefused(type=type_, why=why) from problem

"""The rule pack: sections of figures, each with its provenance. A figure that nobody knows is None."""

from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from aggregator.kernel.errors import Anticipated

Band = Literal["sharp", "peak", "flat", "valley", "deep_valley"]
DayKind = Literal["working", "weekend", "holiday"]
Reliability = Literal["official", "reported", "unconfirmed", "synthetic"]


class PackRefused(Anticipated):
    code = "rules.pack_refused"
    text = "The rule pack is not valid: %(why)s."
    status = 422


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Provenance(_Part):
    """Where a section's figures come from, and how far they can be relied on."""

    reliability: Reliability
    document: str = ""
    note: str = ""


class _Section(_Part):
    provenance: Provenance


class BandRule(_Part):
    """Clock ranges [from, to) of one band; `to` before `from` runs over midnight, 24:00 is the day's end.

    It applies on days of `months` and `day_types`, judged by the local day on which the moment falls.
    """

    band: Band
    ranges: tuple[tuple[str, str], ...] = Field(min_length=1)
    months: tuple[int, ...] = tuple(range(1, 13))
    day_types: tuple[DayKind, ...] = ("working", "weekend", "holiday")

    @field_validator("ranges")
    @classmethod
    def _clock(cls, ranges: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for pair in ranges:
            for text in pair:
                minutes_of(text)
        return ranges

    @field_validator("months")
    @classmethod
    def _months(cls, months: tuple[int, ...]) -> tuple[int, ...]:
        if not months or any(not 1 <= month <= 12 for month in months):
            raise ValueError("months are numbers 1 to 12")
        return months


def minutes_of(text: str) -> int:
    """Minutes since midnight of "HH:MM"; "24:00" is 1440. Raises ValueError."""
    hour, separator, minute = text.partition(":")
    if not (separator and hour.isdigit() and minute.isdigit() and int(minute) < 60):
        raise ValueError(f"{text!r} is not a time HH:MM")
    minutes = int(hour) * 60 + int(minute)
    if minutes > 24 * 60:
        raise ValueError(f"{text!r} is after 24:00")
    return minutes


class Bands(_Section):
    """Time-of-use bands: `rules` in order, a later rule replaces (never multiplies) an earlier one."""

    default: Band = "flat"
    rules: tuple[BandRule, ...]


class Multipliers(_Section):
    """What a band does to a floating component; None = not known."""

    sharp: Decimal | None = None
    peak: Decimal | None = None
    flat: Decimal | None = None
    valley: Decimal | None = None
    deep_valley: Decimal | None = None


class Component(_Part):
    """One part of the tariff [CNY/MWh]; `floats` = multiplied by the band."""

    cny_per_mwh: Decimal | None
    floats: bool


class TariffClass(_Part):
    """Price levels of one class of users. Energy is the purchase component, the rest is the adder."""

    purchase: Component
    line_loss: Component
    transmission: Component
    system_operation: Component
    funds: Component
    demand_price_cny_per_kw_month: Decimal | None


class Tariff(_Section):
    classes: dict[str, TariffClass]


class Spot(_Section):
    """Day-ahead and real-time energy market: steps and limits of a bid."""

    resolution_s: int = Field(gt=0)
    price_floor_cny_per_mwh: Decimal | None
    price_cap_cny_per_mwh: Decimal | None
    price_step_cny_per_mwh: Decimal | None
    quantity_step_kw: Decimal | None
    min_steps: int | None = Field(ge=1)
    max_steps: int | None = Field(ge=1)
    min_portfolio_kw: Decimal | None
    certificate_required: bool | None = None


class DemandResponse(_Section):
    """Invited peak shaving or valley filling; payment tiers on a (delivered mean) against q (ordered)."""

    tier: Literal["R-80/120"] | None
    tier_low_ratio: Decimal | None
    tier_cap_ratio: Decimal | None
    price_floor_cny_per_mwh: Decimal | None
    price_cap_cny_per_mwh: Decimal | None
    price_step_cny_per_mwh: Decimal | None
    quantity_step_kw: Decimal | None
    min_kw: Decimal | None
    max_calls_per_day: int | None
    max_call_hours: Decimal | None
    deficiency_threshold_ratio: Decimal | None
    deficiency_penalty_factor: Decimal | None
    missing_slot: Literal["unverified", "zero", "estimate"] = "unverified"
    certificate_required: bool | None = None


class Reserve(_Section):
    """Reserve capacity, up and down each by itself, offered per block of whole hours and paid for being kept free.

    Prices [CNY per MW and hour]: one, or 24 by clock hour; None = not known, and the direction is not offered.
    lasting_hours : how long a call lasts. with_demand_response : whether both may be sold in the same hours; unknown = no.
    """

    up_prices_cny_per_mw_h: tuple[Decimal, ...] | None
    down_prices_cny_per_mw_h: tuple[Decimal, ...] | None
    block_hours: int | None = Field(ge=1, le=24)
    lasting_hours: Decimal | None = Field(gt=0)
    quantity_step_kw: Decimal | None = Field(gt=0)
    min_kw: Decimal | None = Field(ge=0)
    with_demand_response: bool | None = None
    certificate_required: bool | None = None

    @field_validator("up_prices_cny_per_mw_h", "down_prices_cny_per_mw_h")
    @classmethod
    def _by_hour(cls, prices: tuple[Decimal, ...] | None) -> tuple[Decimal, ...] | None:
        if prices is not None and len(prices) not in (1, 24):
            raise ValueError("one price, or 24 by clock hour")
        return prices

    @field_validator("block_hours")
    @classmethod
    def _whole(cls, hours: int | None) -> int | None:
        if hours is not None and 24 % hours:
            raise ValueError("blocks of whole hours that divide a day")
        return hours


class BaselineRules(_Section):
    """How the baseline of an event is made. The adjustment serves `same_day_adjusted` only."""

    method: Literal["last_5_working_days", "same_day_adjusted"]
    days: int = Field(gt=0)
    same_type_days: int = Field(gt=0)
    search_days: int = Field(gt=0)
    min_coverage_ratio: Decimal = Field(gt=0, le=1)
    adjustment_window_hours: Decimal = Field(gt=0)
    adjustment_ends_before_hours: Decimal = Field(ge=0)
    adjustment_clip_low_ratio: Decimal = Field(gt=0, le=1)
    adjustment_clip_high_ratio: Decimal = Field(ge=1)


class Green(_Section):
    environmental_premium_cny_per_mwh: Decimal | None


class Hours(_Section):
    """Local clock hours of the day's steps: D-1 up to the schedule, D+1 for the settlement."""

    forecast_at: time
    bid_at: time
    gate_closes_at: time
    schedule_at: time
    settle_at: time

    @model_validator(mode="after")
    def _ordered(self) -> "Hours":
        if not self.forecast_at <= self.bid_at < self.gate_closes_at < self.schedule_at:
            raise ValueError("forecast_at <= bid_at < gate_closes_at < schedule_at is required")
        return self


class Approval(_Section):
    """A bid inside both limits is approved without a person; None = always a person."""

    automatic_max_kw: Decimal | None
    automatic_max_price_cny_per_mwh: Decimal | None


SECTIONS = ("bands", "multipliers", "tariff", "spot", "demand_response", "reserve", "baseline", "green", "hours", "approval")


class Pack(_Part):
    """One version of one province's rules. A section that the rules do not have is None."""

    code: str
    version: int = Field(ge=1)
    extends: str | None = None
    province: str
    valid_from: date
    valid_to: date | None = None
    document: str = ""
    bands: Bands | None = None
    multipliers: Multipliers | None = None
    tariff: Tariff | None = None
    spot: Spot | None = None
    demand_response: DemandResponse | None = None
    reserve: Reserve | None = None
    baseline: BaselineRules | None = None
    green: Green | None = None
    hours: Hours | None = None
    approval: Approval | None = None

    @model_validator(mode="after")
    def _dates(self) -> "Pack":
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be after valid_from")
        return self

    @property
    def label(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def section_reliability(self) -> dict[str, str]:
        """Reliability of each section that the pack has."""
        sections = {name: getattr(self, name) for name in SECTIONS}
        return {name: section.provenance.reliability for name, section in sections.items() if section is not None}

    @property
    def reliability(self) -> str:
        """That of the weakest section."""
        order = ("official", "reported", "unconfirmed", "synthetic")
        return max(self.section_reliability.values(), key=order.index, default="unconfirmed")

    @property
    def needs_confirmation(self) -> tuple[str, ...]:
        """Paths that a person has to look up: sections that are no official text, and unknown figures."""
        unsure = [name for name, how in self.section_reliability.items() if how in ("reported", "unconfirmed")]
        return tuple(unsure + list(_unknown(self)))


# Absent means "no such limit in time", not "a figure that nobody knows".
_OPEN = ("extends", "valid_to")


def _unknown(part: BaseModel, path: str = "") -> Iterator[str]:
    for name in type(part).model_fields:
        yield from _unknown_value(getattr(part, name), f"{path}{name}")


def _unknown_value(value: Any, path: str) -> Iterator[str]:
    if value is None and path not in _OPEN:
        yield path
    elif isinstance(value, BaseModel):
        yield from _unknown(value, f"{path}.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _unknown_value(inner, f"{path}.{key}")


def parse_pack(data: Mapping[str, Any]) -> Pack:
    """Raises PackRefused with every problem in it."""
    try:
        return Pack.model_validate(dict(data))
    except ValidationError as problem:
        why = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'pack'}: {e['msg']}" for e in problem.errors())
        raise PackRefused(why=why) from problem

"""Contract terms and who the parties are, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from aggregator.kernel.errors import Anticipated

# What an operator can take a part of; one ratio per product in every share rule.
SHARED_PRODUCTS = ("spot", "demand_response", "green")


class ShareRuleRefused(Anticipated):
    code = "enterprises.share_rule_refused"
    text = "The share rule is not valid: %(why)s."
    status = 422


@dataclass(frozen=True)
class ParkFacts:
    """A park as every topic sees it. `twin` is the declared scenario of its simulated world."""

    id: int
    code: str
    name_zh: str
    name_en: str
    province: str
    time_zone: str
    latitude: float
    longitude: float
    resolution_s: int
    synthetic: bool
    notes: tuple[Any, ...]
    twin: dict[str, Any]


@dataclass(frozen=True)
class ContractTerms:
    """The terms under which an enterprise's sites are operated on one day."""

    id: int
    number: str
    enterprise_id: int
    enterprise_code: str
    site_ids: tuple[int, ...]
    operator_ratio: dict[str, Decimal]
    contract_curve: dict[str, Any]


@dataclass(frozen=True)
class Term:
    """Half-open days [valid_from, valid_to); valid_to None = open end."""

    valid_from: date
    valid_to: date | None

    def overlaps(self, other: "Term") -> bool:
        starts_before_end = other.valid_to is None or self.valid_from < other.valid_to
        ends_after_start = self.valid_to is None or other.valid_from < self.valid_to
        return starts_before_end and ends_after_start


def operator_ratios(share_rule: Mapping[str, Any]) -> dict[str, Decimal]:
    """The operator's part per product, each in [0, 1], exact.

    Raises ShareRuleRefused: unknown kind, a product without ratio, a ratio outside [0, 1].
    """
    if share_rule.get("kind") != "fixed_share":
        raise ShareRuleRefused(why=f"unknown kind {share_rule.get('kind')!r}, known is 'fixed_share'")
    declared = share_rule.get("operator_ratio") or {}
    unknown = sorted(set(declared) - set(SHARED_PRODUCTS))
    missing = sorted(set(SHARED_PRODUCTS) - set(declared))
    if unknown or missing:
        raise ShareRuleRefused(why=f"operator_ratio: unknown {unknown}, missing {missing}")
    ratios = {}
    for product in SHARED_PRODUCTS:
        try:
            ratio = Decimal(str(declared[product]))
        except InvalidOperation as problem:
            raise ShareRuleRefused(why=f"operator_ratio.{product}: {declared[product]!r} is no number") from problem
        if not (ratio.is_finite() and 0 <= ratio <= 1):
            raise ShareRuleRefused(why=f"operator_ratio.{product}: {ratio} is outside 0..1")
        ratios[product] = ratio
    return ratios

"""Settlement mathematics: whole watt-hours, exact decimals, fen once. docs/settlement.md is the specification."""

from market.settlement.domain._amounts import CNY_EXACT, PeriodAmount, amount_cny
from market.settlement.domain.contract_curve import (
    ContractCurveHistoryShort,
    ContractCurveMethodUnknown,
    contract_curve_wh,
    needs_history,
)
from market.settlement.domain.corrections import StatementPart, corrected
from market.settlement.domain.day import (
    DayInputs,
    DaySettlement,
    Event,
    EventOutcome,
    GreenDelivery,
    SiteDay,
    Unverified,
    settle,
)
from market.settlement.domain.demand_response import TIERS, PaymentRule, PaymentRuleRefused, Slot, evaluate
from market.settlement.domain.lines import Entry, Line, Totals, assemble
from market.settlement.domain.shares import OPERATOR, SiteResponse, share_fen

__all__ = [
    "CNY_EXACT",
    "OPERATOR",
    "TIERS",
    "ContractCurveHistoryShort",
    "ContractCurveMethodUnknown",
    "DayInputs",
    "DaySettlement",
    "Entry",
    "Event",
    "EventOutcome",
    "GreenDelivery",
    "Line",
    "PaymentRule",
    "PaymentRuleRefused",
    "PeriodAmount",
    "SiteDay",
    "SiteResponse",
    "Slot",
    "StatementPart",
    "Totals",
    "Unverified",
    "amount_cny",
    "assemble",
    "contract_curve_wh",
    "corrected",
    "evaluate",
    "needs_history",
    "settle",
    "share_fen",
]

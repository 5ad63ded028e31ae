"""Bidding, pure: price scenarios, monotone steps, the firm quantity, explanations, what an award may say."""

from market.bids.domain.availability import KINDS as AVAILABILITY_KINDS
from market.bids.domain.availability import Observed, Spread
from market.bids.domain.awards import approval_problem, award_problem
from market.bids.domain.capability import UNCERTIFIED, Capability, bound_rows, capability
from market.bids.domain.curve_problem import Promise, declared_kw
from market.bids.domain.explain import explain_firm, explain_spot
from market.bids.domain.firm import DemandResponseAsk, demand_response_offer
from market.bids.domain.honest import FirmOffer, margin_kw
from market.bids.domain.messages import AwardMessage, InvitationMessage, MessageRefused, ReceiptMessage, parse_message
from market.bids.domain.observed import ClassDays
from market.bids.domain.offer import SpotOffer, spot_offer
from market.bids.domain.pack_figures import certificate_required, offer_form, reserve_form
from market.bids.domain.policy import POLICY, BidPolicy
from market.bids.domain.prices import (
    DeviationCost,
    PriceHistoryMissing,
    PriceScenarios,
    deviation_cost,
    lookback,
    on_clock,
    price_scenarios,
)
from market.bids.domain.reserve_offer import ReserveForm, ReserveShares, reserve_terms
from market.bids.domain.risk_rows import scenario_rows
from market.bids.domain.scenarios import JointScenarios, joined
from market.bids.domain.steps import OfferForm, Step, cleared_kw

__all__ = [
    "AVAILABILITY_KINDS",
    "POLICY",
    "UNCERTIFIED",
    "AwardMessage",
    "BidPolicy",
    "Capability",
    "ClassDays",
    "DemandResponseAsk",
    "DeviationCost",
    "FirmOffer",
    "InvitationMessage",
    "JointScenarios",
    "MessageRefused",
    "Observed",
    "OfferForm",
    "PriceHistoryMissing",
    "PriceScenarios",
    "Promise",
    "ReceiptMessage",
    "ReserveForm",
    "ReserveShares",
    "SpotOffer",
    "Spread",
    "Step",
    "approval_problem",
    "award_problem",
    "bound_rows",
    "capability",
    "certificate_required",
    "cleared_kw",
    "declared_kw",
    "demand_response_offer",
    "deviation_cost",
    "explain_firm",
    "explain_spot",
    "joined",
    "lookback",
    "margin_kw",
    "offer_form",
    "on_clock",
    "parse_message",
    "price_scenarios",
    "reserve_form",
    "reserve_terms",
    "scenario_rows",
    "spot_offer",
]

"""Bidding, pure: price scenarios, monotone steps, the firm quantity, explanations, what an award may say."""

from market.bids.domain.awards import approval_problem, award_problem
from market.bids.domain.explain import explain_firm, explain_spot
from market.bids.domain.firm import DemandResponseAsk, demand_response_offer
from market.bids.domain.honest import FirmOffer, margin_kw
from market.bids.domain.messages import AwardMessage, InvitationMessage, MessageRefused, ReceiptMessage, parse_message
from market.bids.domain.offer import SpotOffer, spot_offer
from market.bids.domain.pack_figures import offer_form
from market.bids.domain.policy import POLICY, BidPolicy
from market.bids.domain.prices import PriceHistoryMissing, PriceScenarios, lookback, price_scenarios
from market.bids.domain.steps import OfferForm, Step, cleared_kw

__all__ = [
    "POLICY",
    "AwardMessage",
    "BidPolicy",
    "DemandResponseAsk",
    "FirmOffer",
    "InvitationMessage",
    "MessageRefused",
    "OfferForm",
    "PriceHistoryMissing",
    "PriceScenarios",
    "ReceiptMessage",
    "SpotOffer",
    "Step",
    "approval_problem",
    "award_problem",
    "cleared_kw",
    "demand_response_offer",
    "explain_firm",
    "explain_spot",
    "lookback",
    "margin_kw",
    "offer_form",
    "parse_message",
    "price_scenarios",
    "spot_offer",
]

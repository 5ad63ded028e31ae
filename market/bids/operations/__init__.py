"""Use cases of bidding: invited, prepared, approved, sent, answered, awarded, scheduled."""

from market.bids.operations._awards import AwardRefused, ReceiptRefused, record_award, record_receipt
from market.bids.operations._capability import CertificateMissing
from market.bids.operations._invitations import InvitationContradicts, record_invitation
from market.bids.operations._planning import PlanningDay, planning_day, planning_prices
from market.bids.operations._prepare import ForecastMissing, NoPlatform, PortfolioTooSmall, prepare_bids
from market.bids.operations._rolling import replan_day
from market.bids.operations._schedule import DayAheadPricesMissing, day_ahead_value, schedule_day
from market.bids.operations._send import BidNotApproved, UnableToSubmitBid, approve, miss_unsent, submit, withdraw

__all__ = [
    "AwardRefused",
    "BidNotApproved",
    "CertificateMissing",
    "DayAheadPricesMissing",
    "ForecastMissing",
    "InvitationContradicts",
    "NoPlatform",
    "PlanningDay",
    "PortfolioTooSmall",
    "ReceiptRefused",
    "UnableToSubmitBid",
    "approve",
    "day_ahead_value",
    "miss_unsent",
    "planning_day",
    "planning_prices",
    "prepare_bids",
    "record_award",
    "record_invitation",
    "record_receipt",
    "replan_day",
    "schedule_day",
    "submit",
    "withdraw",
]

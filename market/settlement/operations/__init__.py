"""Settle a day, issue its statements, make it final."""

from market.settlement.operations._finalise import StatementsNotIssued, finalise
from market.settlement.operations._settle import close_day, settle_day
from market.settlement.operations._statements import RunSuperseded, issue_statements

__all__ = ["RunSuperseded", "StatementsNotIssued", "close_day", "finalise", "issue_statements", "settle_day"]

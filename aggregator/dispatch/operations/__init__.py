"""Use cases of dispatch: plan, send, acknowledge, verify, plan again, stop."""

from aggregator.dispatch.operations._inputs import Gathered, Prices, gather
from aggregator.dispatch.operations._plan import StopActive, dispatch, redispatch, schedule
from aggregator.dispatch.operations._send import AcknowledgeReport, Claim, SendReport, acknowledge, send
from aggregator.dispatch.operations._stop import NoStopActive, activate_stop, release_stop
from aggregator.dispatch.operations._verify import VerifyReport, verify

__all__ = [
    "AcknowledgeReport",
    "Claim",
    "Gathered",
    "NoStopActive",
    "Prices",
    "SendReport",
    "StopActive",
    "VerifyReport",
    "acknowledge",
    "activate_stop",
    "dispatch",
    "gather",
    "redispatch",
    "release_stop",
    "schedule",
    "send",
    "verify",
]

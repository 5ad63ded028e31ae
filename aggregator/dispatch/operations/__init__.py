"""Use cases of dispatch: plan, send, acknowledge, verify, plan again, stop."""

from aggregator.dispatch.operations._inputs import Course, Gathered, Prices, gather
from aggregator.dispatch.operations._objective import declare_objective
from aggregator.dispatch.operations._pareto import make_pareto_report
from aggregator.dispatch.operations._plan import StopActive, dispatch, redispatch, schedule
from aggregator.dispatch.operations._preview import InstructionPreview, NothingToPreview, preview_instruction
from aggregator.dispatch.operations._replan import replan
from aggregator.dispatch.operations._send import AcknowledgeReport, Claim, SendReport, acknowledge, send
from aggregator.dispatch.operations._shards import (
    FleetRunExists,
    ShardInputs,
    begin_fleet_run,
    close_shard,
    fail_fleet_run,
    finish_fleet_run,
    guide_shard,
    price_market,
    settle_shard,
    sum_shard,
)
from aggregator.dispatch.operations._stop import NoStopActive, activate_stop, release_stop
from aggregator.dispatch.operations._verify import VerifyReport, verify

__all__ = [
    "AcknowledgeReport",
    "Claim",
    "Course",
    "FleetRunExists",
    "Gathered",
    "InstructionPreview",
    "NoStopActive",
    "NothingToPreview",
    "Prices",
    "SendReport",
    "ShardInputs",
    "StopActive",
    "VerifyReport",
    "acknowledge",
    "activate_stop",
    "begin_fleet_run",
    "close_shard",
    "declare_objective",
    "dispatch",
    "fail_fleet_run",
    "finish_fleet_run",
    "gather",
    "guide_shard",
    "make_pareto_report",
    "preview_instruction",
    "price_market",
    "redispatch",
    "release_stop",
    "replan",
    "schedule",
    "send",
    "settle_shard",
    "sum_shard",
    "verify",
]

"""Dispatch instructions: the message, its execution, its end."""

from datetime import datetime
from typing import Any

from aggregator.support.jobs import job_task
from market.instructions import operations
from market.instructions.domain import parse_instruction
from market.platforms.operations import routed
from market.platforms.queries import MessageData


@routed("market.instructions.receive_message")
def receive_message(message: MessageData, *, now: datetime) -> dict[str, Any]:
    instruction = operations.receive(
        platform_id=message.platform_id,
        portfolio_id=message.portfolio_id,
        message=parse_instruction(message.data),
        received_at=message.received_at,
    )
    return {"instruction": instruction}


@job_task("market.instructions.execute")
def execute(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return {"state": operations.execute(instruction_id=payload["instruction_id"], now=now)}


@job_task("market.instructions.complete")
def complete(payload: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return {"completed": operations.complete_due(now=now)}

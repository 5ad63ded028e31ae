"""Schedules, their independent check, and what becomes of them: setpoints, reasons, verification."""

from aggregator.dispatch.domain._bulk import BulkHighs, ModelBuilder
from aggregator.dispatch.domain._solver import usable_solvers
from aggregator.dispatch.domain.block import holdable_block
from aggregator.dispatch.domain.checker import Violation, check_schedule
from aggregator.dispatch.domain.demand import peak_price_cny_per_kw
from aggregator.dispatch.domain.facts import USABLE, AssetFacts, device_of, drifted, piece_of, unmovable
from aggregator.dispatch.domain.problem import FirmBlock, GroupProblem, ScheduleProblem, SiteProblem, Target
from aggregator.dispatch.domain.reasons import LIMITS, REASONS, Why, changes, explain
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.dispatch.domain.schedule import STATUSES, BindingLimit, Relaxed, Schedule, safe_plan, solve_schedule

__all__ = [
    "LIMITS",
    "REASONS",
    "STATUSES",
    "USABLE",
    "AssetFacts",
    "BindingLimit",
    "BulkHighs",
    "FirmBlock",
    "GroupProblem",
    "ModelBuilder",
    "ProblemRefused",
    "Relaxed",
    "Schedule",
    "ScheduleProblem",
    "SiteProblem",
    "Target",
    "Violation",
    "Why",
    "changes",
    "check_schedule",
    "device_of",
    "drifted",
    "explain",
    "holdable_block",
    "peak_price_cny_per_kw",
    "piece_of",
    "safe_plan",
    "solve_schedule",
    "unmovable",
    "usable_solvers",
]

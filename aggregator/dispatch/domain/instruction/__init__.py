"""One instruction over a window of periods, split over the park: `solve_instruction`."""

from aggregator.dispatch.domain.instruction.result import InstructionSplit, PeriodShare, Share
from aggregator.dispatch.domain.instruction.solve import solve_instruction

__all__ = ["InstructionSplit", "PeriodShare", "Share", "solve_instruction"]

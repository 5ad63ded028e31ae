"""One instruction split over up to 100,000 assets: `split_instruction`, and `check_split` before anything is sent."""

from aggregator.dispatch.domain.split.check import SplitViolation, check_split
from aggregator.dispatch.domain.split.fairness import RULES, Rule, jain_index
from aggregator.dispatch.domain.split.problem import SplitProblem, SplitRefused
from aggregator.dispatch.domain.split.rooms import Rooms, rooms, store_energy
from aggregator.dispatch.domain.split.split import METHODS, STATUSES, Split, split_instruction

__all__ = [
    "METHODS",
    "RULES",
    "STATUSES",
    "Rooms",
    "Rule",
    "Split",
    "SplitProblem",
    "SplitRefused",
    "SplitViolation",
    "check_split",
    "jain_index",
    "rooms",
    "split_instruction",
    "store_energy",
]

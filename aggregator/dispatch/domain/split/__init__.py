"""One instruction split over up to 100,000 assets: `split_instruction`; over a window of periods: `split_window`.

`check_split` and `check_window` come before anything is sent.
"""

from aggregator.dispatch.domain.split.check import SplitViolation, check_split
from aggregator.dispatch.domain.split.fairness import RULES, Rule, jain_index
from aggregator.dispatch.domain.split.problem import SplitProblem, SplitRefused
from aggregator.dispatch.domain.split.rooms import Rooms, rooms, store_energy
from aggregator.dispatch.domain.split.split import METHODS, STATUSES, Split, split_instruction
from aggregator.dispatch.domain.split.window import WindowProblem
from aggregator.dispatch.domain.split.window_check import check_window
from aggregator.dispatch.domain.split.window_split import WindowSplit, split_window

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
    "WindowProblem",
    "WindowSplit",
    "check_split",
    "check_window",
    "jain_index",
    "rooms",
    "split_instruction",
    "split_window",
    "store_energy",
]

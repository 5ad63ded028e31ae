"""Reserve beside the energy curve: up and down capacity that stores keep free through whole blocks of hours, in every scenario."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from aggregator.kernel.errors import Anticipated


class ReserveRefused(Anticipated):
    code = "bid.reserve_refused"
    text = "The reserve offer cannot be computed: %(why)s."
    status = 422


@dataclass(frozen=True)
class ReserveTerms:
    """What a reserve market pays and asks. B blocks of periods, in order.

    block               : (n,) number of each period's block.
    up, down_cny_per_kw : (B,) pay for a kW that is held through the whole block, whether it is called or not.
    up, down_open       : (B,) bool, False where nothing may be offered.
    lasting_hours       : how long a call lasts: energy, or room for it, for so long is held with the power.
    lot_kw, least_kw    : quantities are whole lots, and nothing or at least so much.
    up, down_most_kw    : no block's quantity is above it (a certificate), whatever the energy curve leaves.
    """

    block: np.ndarray
    up_cny_per_kw: np.ndarray
    down_cny_per_kw: np.ndarray
    up_open: np.ndarray
    down_open: np.ndarray
    lasting_hours: float
    lot_kw: float
    least_kw: float = 0.0
    up_most_kw: float = np.inf
    down_most_kw: float = np.inf

    def __post_init__(self) -> None:
        steps = np.diff(self.block)
        if not len(self.block) or self.block[0] != 0 or ((steps != 0) & (steps != 1)).any():
            raise ReserveRefused(why="blocks follow one another from the first period on")
        columns = (self.up_cny_per_kw, self.down_cny_per_kw, self.up_open, self.down_open)
        if any(np.shape(column) != (self.blocks,) for column in columns):
            raise ReserveRefused(why="prices do not fit the blocks")
        if not (np.isfinite(self.up_cny_per_kw).all() and np.isfinite(self.down_cny_per_kw).all()):
            raise ReserveRefused(why="a price is missing")
        if self.lasting_hours <= 0 or self.lot_kw <= 0 or self.least_kw < 0:
            raise ReserveRefused(why="a call lasts, and a lot is above zero")

    @property
    def blocks(self) -> int:
        return int(self.block[-1]) + 1

    def held_with(self) -> list[tuple[int, int]]:
        """(period, block): at the period's end the block's energy is there: through the block, and as it begins."""
        own = list(enumerate(self.block.tolist()))
        return own + [(t, after) for (t, here), (_, after) in pairwise(own) if after != here]

    def without(self, up: np.ndarray, down: np.ndarray) -> "ReserveTerms":
        """The same with these blocks (B,) closed."""
        return replace(self, up_open=self.up_open & ~up, down_open=self.down_open & ~down)


@dataclass(frozen=True)
class HeldReserve:
    """What each store that may hold reserve keeps free: (R, B) [kW], rows in the order of the problem's `reserve_stores`."""

    up_kw: np.ndarray
    down_kw: np.ndarray

    def scaled(self, up: np.ndarray, down: np.ndarray) -> "HeldReserve":
        """With factors per block (B,)."""
        return HeldReserve(self.up_kw * up, self.down_kw * down)


@dataclass(frozen=True)
class OfferedReserve:
    """Whole lots per block (B,) [kW, >= 0], who holds them, and what they earn [CNY] over the day."""

    up_kw: np.ndarray
    down_kw: np.ndarray
    held: HeldReserve
    income_cny: float

"""A certificate of what an asset or a whole portfolio can move, issued after a test."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Certificate:
    """`kw` (> 0) by which injection can be moved in `direction` (up or down) from the baseline.

    asset_id : None = of the portfolio as a whole. issued_on, valid_until : local days, both included.
    """

    asset_id: int | None
    direction: str
    kw: float
    issued_on: date
    valid_until: date
    document: str
    source: str

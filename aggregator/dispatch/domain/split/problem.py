"""An instruction and the assets that can follow it, in columns.

Injection into the grid is positive; `change_kw` is how far the sum of all injections is to move (signed) and to stay for
the whole window. Everything else is >= 0 and carries a direction. N assets sorted by site, E sites.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.kernel.errors import Anticipated

LARGEST_UNIT_KW = 0.1  # what is left below one unit is never more than this
UNIT_KW = 1e-3  # setpoints are whole watts


class SplitRefused(Anticipated):
    code = "dispatch.split_refused"
    text = "The instruction cannot be split: %(why)s."
    status = 422


@dataclass(frozen=True)
class SplitProblem:
    """Raises SplitRefused where a column has a wrong shape, misses a number or has a wrong sign.

    Assets, each (N,): site (index, rising); down_room_kw, up_room_kw (how far injection may go down or up, see `rooms`);
    cost_cny_per_kwh of being moved in the instruction's direction; weight_kw (range by which fairness compares assets; None =
    the room in the instruction's direction); turn_hours since it was last called (inf = never; None = not known).
    Sites, each (E,): site_down_kw, site_up_kw (room of the connection; inf = no limit), floor_ratio (least share of the
    instruction; None = none declared). unit_kw: resolution of a setpoint [kW].
    """

    site: np.ndarray
    down_room_kw: np.ndarray
    up_room_kw: np.ndarray
    cost_cny_per_kwh: np.ndarray
    site_down_kw: np.ndarray
    site_up_kw: np.ndarray
    change_kw: float
    unit_kw: float = UNIT_KW
    weight_kw: np.ndarray | None = None
    turn_hours: np.ndarray | None = None
    floor_ratio: np.ndarray | None = None

    def __post_init__(self) -> None:
        assets, sites = self.site.shape, self.site_up_kw.shape
        _column("down_room_kw", self.down_room_kw, assets, least=0.0)
        _column("up_room_kw", self.up_room_kw, assets, least=0.0)
        _column("cost_cny_per_kwh", self.cost_cny_per_kwh, assets)
        _column("site_down_kw", self.site_down_kw, sites, least=0.0, endless=True)
        _column("site_up_kw", self.site_up_kw, sites, least=0.0, endless=True)
        if self.weight_kw is not None:
            _column("weight_kw", self.weight_kw, assets)
            if (self.weight_kw <= 0).any():
                raise SplitRefused(why="an asset has no weight: it would never be called")
        if self.turn_hours is not None:
            _column("turn_hours", self.turn_hours, assets, least=0.0, endless=True)
        if self.floor_ratio is not None:
            _column("floor_ratio", self.floor_ratio, sites, least=0.0)
            if self.floor_ratio.sum() > 1.0 + 1e-9:
                raise SplitRefused(why="the floor shares add up to more than the instruction")
        if len(self.site) and (self.site[0] < 0 or self.site[-1] >= len(self.site_up_kw) or (self.site[1:] < self.site[:-1]).any()):
            raise SplitRefused(why="assets are not sorted by site, or name a site that is not there")
        if not np.isfinite(self.change_kw):
            raise SplitRefused(why="the change is missing")
        if not 0.0 < self.unit_kw <= LARGEST_UNIT_KW:
            raise SplitRefused(why=f"a setpoint's resolution is above 0 and at most {LARGEST_UNIT_KW} kW")

    @property
    def direction(self) -> float:
        """+1.0 up, -1.0 down."""
        return 1.0 if self.change_kw >= 0 else -1.0


def _column(name: str, values: np.ndarray, shape: tuple[int, ...], *, least: float = -np.inf, endless: bool = False) -> None:
    if values.shape != shape:
        raise SplitRefused(why=f"{name} has shape {values.shape}, not {shape}")
    if not len(values):
        return
    lowest, highest = float(values.min()), float(values.max())  # NaN passes through both
    if not lowest > -np.inf or (highest == np.inf and not endless):
        raise SplitRefused(why=f"{name} is missing somewhere")
    if lowest < least:
        raise SplitRefused(why=f"{name} is below {least:g} somewhere")

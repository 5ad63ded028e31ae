"""What the scheduler is asked: devices behind sites, prices, and what is promised.

Only devices, sites and prices; no kinds, no markets. Powers [kW], energies [kWh], prices [CNY/kWh];
injection into the grid is positive. Arrays have shape (n_periods,).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aggregator.assets.domain import Device
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.kernel.periods import Grid

SHORTFALL_PRICE_CNY_PER_KWH = 20.0
OVERSHOOT_PRICE_CNY_PER_KWH = 1.0


@dataclass(frozen=True)
class SiteProblem:
    """One grid connection: the owner's limits, what importing costs on top of the energy, and the demand charge.

    `peak_so_far_kw` is the import that the demand charge already covers. `export_share_ratio`: most of the day's own generation
    that may be exported (0 = none at all; inf = no such rule); `generated_so_far_kwh` and `exported_so_far_kwh` are what the day
    did before the grid begins, and count.
    """

    import_limit_kw: float
    export_limit_kw: float
    import_adder_cny_per_kwh: np.ndarray
    demand_price_cny_per_kw: float = 0.0
    peak_so_far_kw: float = 0.0
    export_share_ratio: float = np.inf
    generated_so_far_kwh: float = 0.0
    exported_so_far_kwh: float = 0.0

    def may_export_kwh(self, generated_kwh: float) -> float:
        """Energy [kWh] that the rest of the day may export when it uses this much of the site's own generation; inf = any."""
        if np.isinf(self.export_share_ratio):
            return np.inf
        return max(0.0, self.export_share_ratio * (self.generated_so_far_kwh + generated_kwh) - self.exported_so_far_kwh)


@dataclass(frozen=True)
class GroupProblem:
    """A feeder or transformer behind a connection: limits [kW] on the sum of its assets; `parent` names the group around it."""

    site: str
    import_limit_kw: float
    export_limit_kw: float
    parent: str | None = None


@dataclass(frozen=True)
class FirmBlock:
    """Demand response: a quantity above (direction 1) or below (-1) the baseline in `window`.

    `baseline_kw` (n_window,) is the portfolio's injection without intervention. With `fixed_kw`, one figure or one for each
    period (n_window,), the quantity is promised; without it, one quantity for all is still to be found: see `holdable_block`.
    The firm part earns `price_cny_per_kwh`, one or (n_window,), instead of the energy value; the rest keeps its energy value.
    """

    window: slice
    baseline_kw: np.ndarray
    price_cny_per_kwh: float | np.ndarray
    max_kw: float
    fixed_kw: float | np.ndarray | None = None
    direction: int = 1

    def tail(self, first: int, n: int) -> "FirmBlock | None":
        """The block on the grid of n periods without its `first` ones; None where nothing of the window is left."""
        start, stop, _ = self.window.indices(n)
        window, gone = slice(max(0, start - first), max(0, stop - first)), max(0, first - start)

        def rest(values: Any) -> Any:
            return values[gone:] if np.ndim(values) else values

        if window.stop <= window.start:
            return None
        left = {name: rest(getattr(self, name)) for name in ("baseline_kw", "price_cny_per_kwh", "fixed_kw")}
        return replace(self, window=window, **left)


@dataclass(frozen=True)
class Target:
    """Injection that the portfolio shall show; NaN where nothing is asked.

    `direction` says what a shortfall is: 1 = too little injection (up-regulation), -1 = too much.
    """

    injection_kw: np.ndarray
    direction: int = 1


@dataclass(frozen=True)
class ScheduleProblem:
    """See docs/architecture.md section 6.

    `reference_kw`: per asset the injection that is planned anyway; an instruction moves nobody against its direction from
    there. `running_calls`: periods that an interruption has already lasted when the grid starts.
    `terminal_value_cny_per_kwh`: worth of stored energy (times the device's ratio); None = mean of the injection value.
    `groups`: feeders and transformers; `group_of` names the innermost group of an asset. `generators`: the assets whose injection
    is a site's own generation in the sense of its export share.
    """

    grid: Grid
    sites: Mapping[str, SiteProblem]
    devices: Mapping[str, tuple[str, Device]]
    injection_value_cny_per_kwh: np.ndarray
    firm: FirmBlock | None = None
    target: Target | None = None
    shortfall_price_cny_per_kwh: float = SHORTFALL_PRICE_CNY_PER_KWH
    overshoot_price_cny_per_kwh: float = OVERSHOOT_PRICE_CNY_PER_KWH
    reference_kw: Mapping[str, np.ndarray] = field(default_factory=dict)
    running_calls: Mapping[str, int] = field(default_factory=dict)
    terminal_value_cny_per_kwh: float | None = None
    groups: Mapping[str, GroupProblem] = field(default_factory=dict)
    group_of: Mapping[str, str] = field(default_factory=dict)
    generators: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        n = len(self.grid)
        _complete(self.injection_value_cny_per_kwh, n, why="value_incomplete")
        for key, site in self.sites.items():
            _complete(site.import_adder_cny_per_kwh, n, why="import_price_incomplete", site=str(key))
        for key, (site_key, device) in self.devices.items():
            if site_key not in self.sites:
                raise ProblemRefused(why="site_unknown", site=site_key, asset=key)
            for name in ("fixed_kw", "up_kw", "down_kw"):
                _complete(getattr(device, name), n, why="asset_incomplete", asset=str(key))
            if device.up_kw.min(initial=0.0) < 0 or device.down_kw.min(initial=0.0) < 0:
                raise ProblemRefused(why="negative_range", asset=key)
            if device.store is not None:
                _complete(device.store.min_kwh, n, why="asset_incomplete", asset=str(key))
                _complete(device.store.max_kwh, n, why="asset_incomplete", asset=str(key))
                if device.store.drift_kwh is not None:
                    _complete(device.store.drift_kwh, n, why="asset_incomplete", asset=str(key))
            elif not device.stays and device.calls is None and device.up_kw.any():
                raise ProblemRefused(why="sourceless_injection", asset=key)
        if self.target is not None and self.target.injection_kw.shape != (n,):
            raise ProblemRefused(why="target_misfits")
        if self.target is not None and np.isinf(self.target.injection_kw).any():
            raise ProblemRefused(why="target_endless")
        for key, name in self.group_of.items():
            if name not in self.groups or key not in self.devices or self.groups[name].site != self.devices[key][0]:
                raise ProblemRefused(why="group_unknown", group=name, asset=key)
        if self.firm is not None:
            length = len(range(*self.firm.window.indices(n)))
            for values in (self.firm.baseline_kw, self.firm.price_cny_per_kwh, self.firm.fixed_kw):
                if values is not None:
                    each = np.asarray(values)
                    _complete(each if each.ndim else np.full(length, values), length, why="promise_incomplete")

    @property
    def terminal_price_cny_per_kwh(self) -> float:
        if self.terminal_value_cny_per_kwh is not None:
            return self.terminal_value_cny_per_kwh
        return float(self.injection_value_cny_per_kwh.mean()) if len(self.grid) else 0.0

    @property
    def asset_keys(self) -> list[str]:
        """The one order in which anything is built: results do not depend on the caller's dict."""
        return sorted(self.devices, key=str)

    @property
    def site_keys(self) -> list[str]:
        return sorted(self.sites, key=str)

    @property
    def wanted(self) -> np.ndarray:
        """True in the periods with a target, shape (n_periods,)."""
        if self.target is None:
            return np.zeros(len(self.grid), dtype=bool)
        return ~np.isnan(self.target.injection_kw)

    @property
    def in_firm(self) -> np.ndarray:
        """True in the periods of the firm block, shape (n_periods,)."""
        mask = np.zeros(len(self.grid), dtype=bool)
        if self.firm is not None:
            mask[self.firm.window] = True
        return mask

    @property
    def promised_kw(self) -> np.ndarray:
        """What the firm block promises in its direction, >= 0; 0 where nothing is promised; shape (n_periods,)."""
        promised = np.zeros(len(self.grid))
        if self.firm is not None and self.firm.fixed_kw is not None:
            promised[self.firm.window] = self.firm.fixed_kw
        return promised

    @property
    def direction(self) -> np.ndarray:
        """What is asked per period: 1 up, -1 down, 0 nothing; shape (n_periods,)."""
        asked = np.zeros(len(self.grid), dtype=int)
        if self.firm is not None:
            asked[self.in_firm] = self.firm.direction
        if self.target is not None:
            asked[self.wanted] = self.target.direction
        return asked


def _complete(values: np.ndarray, n: int, *, why: str, **names: str) -> None:
    """Missing is missing: a schedule over a gap is refused, never filled with zero."""
    if np.shape(values) != (n,) or not np.isfinite(values).all():
        raise ProblemRefused(why=why, **names)

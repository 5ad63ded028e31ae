"""What the scheduler is asked: devices behind sites, prices, and what is promised.

Only devices, sites and prices; no kinds, no markets. Powers [kW], energies [kWh], prices [CNY/kWh];
injection into the grid is positive. Arrays have shape (n_periods,).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from aggregator.assets.domain import Device
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid

SHORTFALL_PRICE_CNY_PER_KWH = 20.0
OVERSHOOT_PRICE_CNY_PER_KWH = 1.0


class ProblemRefused(Anticipated):
    code = "dispatch.problem_refused"
    text = "The schedule cannot be computed: %(why)s."
    status = 422


@dataclass(frozen=True)
class SiteProblem:
    """One grid connection: the owner's limits, what importing costs on top of the energy, and the demand charge.

    `peak_so_far_kw` is the import that the demand charge already covers. `export_share_ratio`: most of the day's own generation
    that may be exported (0 = none at all; inf = no such rule).
    """

    import_limit_kw: float
    export_limit_kw: float
    import_adder_cny_per_kwh: np.ndarray
    demand_price_cny_per_kw: float = 0.0
    peak_so_far_kw: float = 0.0
    export_share_ratio: float = np.inf


@dataclass(frozen=True)
class GroupProblem:
    """A feeder or transformer behind a connection: limits [kW] on the sum of its assets; `parent` names the group around it."""

    site: str
    import_limit_kw: float
    export_limit_kw: float
    parent: str | None = None


@dataclass(frozen=True)
class FirmBlock:
    """Demand response: one constant quantity above (direction 1) or below (-1) the baseline in `window`.

    `baseline_kw` (n_window,) is the portfolio's injection without intervention. With `fixed_kw` the quantity is promised;
    without it, it is still to be found: see `holdable_block`. The firm part earns `price_cny_per_kwh` instead of the energy
    value; the rest of the injection keeps its energy value.
    """

    window: slice
    baseline_kw: np.ndarray
    price_cny_per_kwh: float
    max_kw: float
    fixed_kw: float | None = None
    direction: int = 1


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
    `groups`: feeders and transformers; `group_of` names the innermost group of an asset.
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

    def __post_init__(self) -> None:
        n = len(self.grid)
        _complete("injection value", self.injection_value_cny_per_kwh, n)
        for key, site in self.sites.items():
            _complete(f"import price of site {key}", site.import_adder_cny_per_kwh, n)
        for key, (site_key, device) in self.devices.items():
            if site_key not in self.sites:
                raise ProblemRefused(why=f"site {site_key} of asset {key} is unknown")
            for name in ("fixed_kw", "up_kw", "down_kw"):
                _complete(f"{name} of asset {key}", getattr(device, name), n)
            if device.up_kw.min(initial=0.0) < 0 or device.down_kw.min(initial=0.0) < 0:
                raise ProblemRefused(why=f"asset {key} has a negative range")
            if device.store is not None:
                _complete(f"store of asset {key}", device.store.min_kwh, n)
                _complete(f"store of asset {key}", device.store.max_kwh, n)
                if device.store.drift_kwh is not None:
                    _complete(f"store of asset {key}", device.store.drift_kwh, n)
            elif not device.stays and device.calls is None and device.up_kw.any():
                raise ProblemRefused(why=f"asset {key} can inject more, but nothing says where that comes from")
        if self.target is not None and self.target.injection_kw.shape != (n,):
            raise ProblemRefused(why="the target does not fit the periods")
        for key, name in self.group_of.items():
            if name not in self.groups or key not in self.devices or self.groups[name].site != self.devices[key][0]:
                raise ProblemRefused(why=f"group {name} of asset {key} is unknown or of another site")
        if self.firm is not None:
            _complete("baseline of the firm block", self.firm.baseline_kw, len(range(*self.firm.window.indices(n))))

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
    def direction(self) -> np.ndarray:
        """What is asked per period: 1 up, -1 down, 0 nothing; shape (n_periods,)."""
        asked = np.zeros(len(self.grid), dtype=int)
        if self.firm is not None:
            asked[self.in_firm] = self.firm.direction
        if self.target is not None:
            asked[self.wanted] = self.target.direction
        return asked


def _complete(what: str, values: np.ndarray, n: int) -> None:
    """Missing is missing: a schedule over a gap is refused, never filled with zero."""
    if np.shape(values) != (n,):
        raise ProblemRefused(why=f"{what} has shape {np.shape(values)}, not ({n},)")
    if not np.isfinite(values).all():
        raise ProblemRefused(why=f"{what} is missing in some periods")

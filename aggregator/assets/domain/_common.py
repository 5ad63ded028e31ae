"""What every asset kind shares: the validated spec, commands, the envelope and the planning device."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from aggregator.kernel.periods import Grid

SetpointKind = Literal["injection_kw", "import_limit_kw", "export_limit_kw"]


class Spec(BaseModel):
    """Parameters of one asset: frozen, checked, units in the names, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if TYPE_CHECKING:  # every kind has it, given or worked out; pydantic would take it for a field that is shadowed

        @property
        def rated_kw(self) -> float: ...

    @property
    def settling_minutes(self) -> int:
        """How long the asset is under way to a new setpoint; before, it cannot be told whether it follows."""
        return 0


class SpecColumns:
    """Parameters of many assets of one kind as columns (N, 1), so that a kind's equations serve them all at once."""

    def __init__(self, specs: Sequence[Spec], names: Iterable[str]) -> None:
        self.count = len(specs)
        for name in names:
            setattr(self, name, np.array([getattr(spec, name) for spec in specs])[:, None])

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


@dataclass(frozen=True)
class Command:
    """What a gateway is asked to do. Limits are >= 0; injection_kw is positive into the grid."""

    kind: SetpointKind
    value_kw: float


@dataclass(frozen=True)
class Session:
    """One stay of one car: [arrives_at, departs_at) in hours from the caller's origin.

    `need_kwh`: what it takes in until it leaves, at the grid for one-way stations, in the battery for two-way chargers;
    `arrival_kwh`: what a two-way car holds when it comes.
    """

    key: str
    arrives_at: float
    departs_at: float
    need_kwh: float
    arrival_kwh: float = 0.0


@dataclass(frozen=True)
class Envelope:
    """What may be moved, per period of `grid`: injection [kW] and cumulative injection [kWh].

    Arrays have shape (n_periods,), or (N, n_periods) for N assets of a kind. base is what happens without us. See
    docs/availability.md. Of N assets notice, longest call and quality are kept beside, not in here.
    """

    grid: Grid
    base_kw: np.ndarray
    min_kw: np.ndarray
    max_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    notice_s: int = 0
    max_on_s: int | None = None
    quality: str = "good"

    @property
    def up_kw(self) -> np.ndarray:
        return self.max_kw - self.base_kw

    @property
    def down_kw(self) -> np.ndarray:
        return self.base_kw - self.min_kw


@dataclass(frozen=True)
class Store:
    """Energy behind a device: s[t] = keep s[t-1] + drift[t] + h eta_in down[t] - h up[t] / eta_out, within bounds [kWh].

    `keep_ratio` per period: what does not leak away. `drift_kwh` (n_periods,): what weather or use adds (signed); None = nothing.
    """

    initial_kwh: float
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    eta_in: float
    eta_out: float
    keep_ratio: float = 1.0
    drift_kwh: np.ndarray | None = None


@dataclass(frozen=True)
class Stay:
    """One car at a two-way charger: a store that exists in periods [first, end) only and holds `end_kwh` or more at its end [kWh]."""

    first: int
    end: int
    initial_kwh: float
    min_kwh: float
    max_kwh: float
    end_kwh: float
    eta_in: float
    eta_out: float


@dataclass(frozen=True)
class Calls:
    """Interruptions: how often, how long, and from which period on [periods].

    After a call come at least `rest_periods` without one. In its first `ramp_periods` a call sheds 1/(ramp+1), 2/(ramp+1), .. of
    its power; in the `rebound_periods` after it the load takes `rebound_ratio` of its shed power more. Both only all or nothing.
    """

    max_calls: int
    max_on_periods: int
    first_period: int
    all_or_nothing: bool
    rest_periods: int = 0
    ramp_periods: int = 0
    rebound_periods: int = 0
    rebound_ratio: float = 0.0


@dataclass(frozen=True)
class Device:
    """One asset as every solver sees it: injection = fixed + up - down, each >= 0 and bounded [kW].

    Kinds differ only in which parts they have, so a new kind needs no new formulation.
    """

    fixed_kw: np.ndarray
    up_kw: np.ndarray
    down_kw: np.ndarray
    up_cost_cny_per_kwh: float = 0.0
    down_cost_cny_per_kwh: float = 0.0
    store: Store | None = None
    stays: tuple[Stay, ...] = ()
    calls: Calls | None = None
    terminal_value_ratio: float = 0.0  # share of the mean price that a kWh left in the store is worth


@dataclass(frozen=True)
class Reserve:
    """Regulation that is promised and held back: up and down [kW, >= 0], each to last `lasting_hours` once it is called."""

    up_kw: float
    down_kw: float
    lasting_hours: float


@dataclass(frozen=True)
class Drive:
    """What the world does to an asset in one step: natural power [kW, >= 0] or charging sessions."""

    natural_kw: float = 0.0
    sessions: tuple[Session, ...] = field(default=())


def within_reach(store: Store, *, up_kw: np.ndarray, down_kw: np.ndarray, hours: float) -> Store:
    """The store with bounds drawn back where no power (n_periods,) gets there in time from its start: physics goes before wishes."""
    low, high = np.array(store.min_kwh, dtype=float), np.array(store.max_kwh, dtype=float)
    drift = np.zeros(len(low)) if store.drift_kwh is None else store.drift_kwh
    fullest = emptiest = store.initial_kwh
    for t in range(len(low)):
        fullest = store.keep_ratio * fullest + drift[t] + hours * store.eta_in * down_kw[t]
        emptiest = store.keep_ratio * emptiest + drift[t] - hours * up_kw[t] / store.eta_out
        high[t] = max(high[t], emptiest)
        fullest = min(fullest, high[t])
        low[t] = min(low[t], fullest)
        emptiest = max(emptiest, low[t])
    return replace(store, min_kwh=low, max_kwh=high)


def idle_envelope(grid: Grid, *, base_kw: np.ndarray | None = None, quality: str) -> Envelope:
    """Nothing can be moved: a failed or stale asset."""
    base = np.zeros(len(grid)) if base_kw is None else base_kw
    energy = np.cumsum(base) * grid.hours
    return Envelope(grid, base, base.copy(), base.copy(), energy, energy.copy(), quality=quality)

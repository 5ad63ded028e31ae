"""The devices of a problem as columns: read out once, in bulk; everything after works on whole arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain import Device
from aggregator.dispatch.domain.problem import ScheduleProblem


@dataclass(frozen=True)
class Tanks:
    """Stores while they are there, periods [first, end). Columns (S,) or (S, n); outside [first, end) the latter mean nothing.

    low_kwh, high_kwh: bounds at the end of each period; level_kwh: along the reference, zero until that is known.
    """

    asset: np.ndarray
    first: np.ndarray
    end: np.ndarray
    initial_kwh: np.ndarray
    keep_ratio: np.ndarray
    eta_in: np.ndarray
    eta_out: np.ndarray
    low_kwh: np.ndarray
    high_kwh: np.ndarray
    drift_kwh: np.ndarray
    level_kwh: np.ndarray

    def __len__(self) -> int:
        return len(self.asset)

    @property
    def there(self) -> np.ndarray:
        """(S, n) bool."""
        periods = np.arange(self.low_kwh.shape[1])
        return (periods >= self.first[:, None]) & (periods < self.end[:, None])


@dataclass(frozen=True)
class CallRules:
    """Interruptible loads, columns (L,); see `Calls`. running: periods that the call has lasted that is in force at the start."""

    asset: np.ndarray
    max_calls: np.ndarray
    max_on: np.ndarray
    first: np.ndarray
    whole: np.ndarray
    rest: np.ndarray
    ramp: np.ndarray
    rebound: np.ndarray
    rebound_ratio: np.ndarray
    running: np.ndarray

    def __len__(self) -> int:
        return len(self.asset)

    @property
    def slow(self) -> np.ndarray:
        """(L,) True where calls begin in steps or are followed by a rebound."""
        return (self.ramp > 0) | (self.rebound > 0)


@dataclass(frozen=True)
class Park:
    """N assets in the order of sites and keys, over the n periods of the grid. Arrays (N,) or (N, n).

    wanted_kw: move from what is fixed that is planned, inside power; NaN where nothing is planned.
    """

    keys: list[str]
    row: dict[str, int]
    hours: float
    site: np.ndarray
    fixed_kw: np.ndarray
    up_kw: np.ndarray
    down_kw: np.ndarray
    up_cost_cny_per_kwh: np.ndarray
    down_cost_cny_per_kwh: np.ndarray
    terminal_value_ratio: np.ndarray
    has_stays: np.ndarray
    wanted_kw: np.ndarray
    tanks: Tanks
    calls: CallRules


def park_of(problem: ScheduleProblem) -> Park:
    n = len(problem.grid)
    index = {key: k for k, key in enumerate(problem.site_keys)}
    of_site = {key: index[row[0]] for key, row in problem.devices.items()}
    keys = sorted(problem.devices, key=lambda key: (of_site[key], str(key)))
    devices = [problem.devices[key][1] for key in keys]
    fixed, up, down = (stacked([getattr(device, name) for device in devices], n) for name in ("fixed_kw", "up_kw", "down_kw"))
    return Park(
        keys=keys,
        row={key: k for k, key in enumerate(keys)},
        hours=problem.grid.hours,
        site=np.array([of_site[key] for key in keys], dtype=np.int64),
        fixed_kw=fixed,
        up_kw=up,
        down_kw=down,
        up_cost_cny_per_kwh=np.array([device.up_cost_cny_per_kwh for device in devices], dtype=float),
        down_cost_cny_per_kwh=np.array([device.down_cost_cny_per_kwh for device in devices], dtype=float),
        terminal_value_ratio=np.array([device.terminal_value_ratio for device in devices], dtype=float),
        has_stays=np.array([bool(device.stays) for device in devices], dtype=bool),
        wanted_kw=_wanted(problem, keys, fixed, up, down),
        tanks=_tanks(devices, n),
        calls=_rules(problem, keys, devices),
    )


def stacked(rows: Sequence[np.ndarray], n: int) -> np.ndarray:
    """(len(rows), n)."""
    return np.concatenate(rows).astype(float, copy=False).reshape(len(rows), n) if len(rows) else np.zeros((0, n))


def _wanted(problem: ScheduleProblem, keys: list[str], fixed: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    wanted = np.full(fixed.shape, np.nan)
    planned = [k for k, key in enumerate(keys) if key in problem.reference_kw]
    if planned:
        rows = stacked([problem.reference_kw[keys[k]] for k in planned], fixed.shape[1])
        wanted[planned] = np.clip(rows - fixed[planned], -down[planned], up[planned])
    return wanted


def _tanks(devices: list[Device], n: int) -> Tanks:
    """A device with calls has no store of its own."""
    scalars: list[tuple[float, ...]] = []
    lows, highs, drifts = [], [], []
    nothing = np.zeros(n)
    for k, device in enumerate(devices):
        if device.calls is not None:
            continue
        store = device.store
        if store is not None:
            scalars.append((k, 0, n, store.initial_kwh, store.keep_ratio, store.eta_in, store.eta_out))
            lows.append(store.min_kwh)
            highs.append(store.max_kwh)
            drifts.append(nothing if store.drift_kwh is None else store.drift_kwh)
        for stay in device.stays:
            scalars.append((k, stay.first, stay.end, stay.initial_kwh, 1.0, stay.eta_in, stay.eta_out))
            low = np.full(n, float(stay.min_kwh))
            if stay.end > stay.first:
                low[stay.end - 1] = max(low[stay.end - 1], stay.end_kwh)
            lows.append(low)
            highs.append(np.full(n, float(stay.max_kwh)))
            drifts.append(nothing)
    columns = np.array(scalars, dtype=float).reshape(len(scalars), 7).T
    asset, first, end = columns[:3].astype(np.int64)
    initial, keep, eta_in, eta_out = columns[3:]
    low, high, drift = (stacked(rows, n) for rows in (lows, highs, drifts))
    return Tanks(asset, first, end, initial, keep, eta_in, eta_out, low, high, drift, np.zeros((len(asset), n)))


def _rules(problem: ScheduleProblem, keys: list[str], devices: list[Device]) -> CallRules:
    running = problem.running_calls
    rows = [
        (
            *(k, calls.max_calls, calls.max_on_periods, calls.first_period, calls.all_or_nothing),
            *(calls.rest_periods, calls.ramp_periods, calls.rebound_periods, calls.rebound_ratio, running.get(keys[k], 0)),
        )
        for k, device in enumerate(devices)
        if (calls := device.calls) is not None
    ]
    columns = np.array(rows, dtype=float).reshape(len(rows), 10).T
    asset, max_calls, max_on, first, whole, rest, ramp, rebound, _, lasts = columns.astype(np.int64)
    return CallRules(asset, max_calls, max_on, first, whole.astype(bool), rest, ramp, rebound, columns[8], lasts)

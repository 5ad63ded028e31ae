"""A seeded park of devices and an instruction that lasts some periods: what the product path of an instruction is measured on.

The same mix as `dispatch_park`: 40 % storage, 25 % EV stations, 20 % loads (half of them only go as a whole), 15 % PV.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from aggregator.assets.domain import Calls, Device, Store
from aggregator.dispatch.domain import ScheduleProblem, SiteProblem, Target
from aggregator.kernel.periods import Grid
from vpp.bench.dispatch_park import CAP_RATIO, ETA, HOURS, KINDS, SHARE

STARTS_AT = datetime(2026, 7, 1, 4, tzinfo=UTC)
VALUE = (0.3, 0.7)  # of energy [CNY/kWh], by period
NETWORK = 0.15


def window_park(assets: int, *, seed: int, per_site: int, periods: int, direction: int) -> ScheduleProblem:
    """An instruction of about SHARE of what all can hold over the periods, in whole watts, that changes from period to period."""
    rng = np.random.default_rng(seed)
    n_sites = max(1, assets // per_site)
    site = np.sort(np.arange(assets) % n_sites)
    kind = rng.choice(len(KINDS), assets, p=KINDS).tolist()
    devices: dict[str, tuple[str, Device]] = {}
    reference: dict[str, np.ndarray] = {}
    can_kw = np.zeros(n_sites)
    draw = _Drawer(rng, periods)
    for k, of_site in enumerate(site.tolist()):
        device, planned, holds_kw = (draw.storage, draw.ev_station, draw.load, draw.sun)[kind[k]](direction)
        key = f"e{of_site:06d}/s/{k:07d}"
        devices[key] = (f"e{of_site:06d}/s", device)
        reference[key] = planned
        can_kw[of_site] += holds_kw
    injection = np.zeros((n_sites, periods))
    np.add.at(injection, site, np.array(list(reference.values())))
    cap = can_kw * rng.uniform(*CAP_RATIO, n_sites)
    outward = np.maximum(0.0, injection.max(axis=1) + cap)
    inward = np.maximum(0.0, -injection.min(axis=1) + cap)
    adder = np.full(periods, NETWORK)
    amount = SHARE * np.minimum(can_kw, cap).sum() * rng.uniform(0.7, 1.0, periods)
    return ScheduleProblem(
        grid=Grid(STARTS_AT, timedelta(hours=HOURS), periods),
        sites={f"e{s:06d}/s": SiteProblem(float(inward[s]), float(outward[s]), adder) for s in range(n_sites)},
        devices=devices,
        injection_value_cny_per_kwh=rng.uniform(*VALUE, periods),
        target=Target(np.round(injection.sum(axis=0) + direction * amount, 3), direction),
        reference_kw=reference,
    )


class _Drawer:
    """Devices by kind: (device, injection of the reference (n,), what it can hold in a direction for all periods [kW])."""

    def __init__(self, rng: np.random.Generator, n: int) -> None:
        self.rng, self.n, self.none = rng, n, np.zeros(n)

    def storage(self, direction: int) -> tuple[Device, np.ndarray, float]:
        power, stored = self.rng.uniform(30, 250), self.rng.uniform(0.1, 0.9)
        energy, most = 2.0 * power, np.full(self.n, power)
        store = Store(stored * energy, np.full(self.n, 0.1 * energy), np.full(self.n, 0.9 * energy), ETA, ETA)
        device = Device(self.none, most, most, self.rng.uniform(0.02, 0.12), store=store, terminal_value_ratio=0.9)
        kwh = (stored - 0.1) * energy * ETA if direction > 0 else (0.9 - stored) * energy / ETA
        planned = np.full(self.n, np.round(self.rng.uniform(-0.05, 0.05) * power, 3))
        return device, planned, min(power, kwh / (HOURS * self.n))

    def ev_station(self, direction: int) -> tuple[Device, np.ndarray, float]:
        power = float(self.rng.choice([7.0, 11.0, 22.0, 60.0]))
        now = np.round(self.rng.uniform(0, 1) * power, 3)
        must = self.rng.uniform(0.0, 0.7) * now  # of what it takes now, this much cannot wait
        ends = HOURS * np.arange(1, self.n + 1)
        store = Store(0.0, must * ends, np.minimum(power, 1.5 * now) * ends, 1.0, 1.0)
        device = Device(self.none, self.none, np.full(self.n, power), store=store, terminal_value_ratio=1.0)
        return device, np.full(self.n, -now), now - must if direction > 0 else min(power, 1.5 * now) - now

    def load(self, direction: int) -> tuple[Device, np.ndarray, float]:
        power = np.round(self.rng.uniform(20, 160), 3)
        takes, longest = np.full(self.n, -0.9 * power), int(self.rng.integers(2, 9))
        sheds = np.full(self.n, np.round(self.rng.choice([0.8, 0.1], p=[0.8, 0.2]) * power, 3))
        calls = Calls(int(self.rng.integers(1, 3)), longest, 0, all_or_nothing=bool(self.rng.random() < 0.5), rest_periods=2)
        device = Device(takes, sheds, self.none, self.rng.uniform(0.35, 1.6), calls=calls)
        return device, takes, float(sheds[0]) * min(1.0, longest / self.n) if direction > 0 else 0.0

    def sun(self, direction: int) -> tuple[Device, np.ndarray, float]:
        makes = np.full(self.n, np.round(self.rng.uniform(80, 400) * 0.7, 3))
        return Device(makes, self.none, makes, down_cost_cny_per_kwh=0.0), makes, 0.0 if direction > 0 else float(makes[0])

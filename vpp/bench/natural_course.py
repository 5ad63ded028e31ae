"""What the assets of a benchmark park do when nobody plans: a feasible day, from which the limits are computed.

Storage rests, cars charge evenly over their stay, rooms hold the temperature that they begin with, no load is interrupted.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.fleet.problem import NO_GROUP, NO_PROFILE, Fills, Groups, Profiles, Stores


@dataclass(frozen=True)
class NaturalCourse:
    """Consumption [kW]: of a store or car a constant (N,) inside its window, of rooms (R, n) in the stores' rows `room`."""

    stores: Stores
    fills: Fills
    store_kw: np.ndarray
    fill_kw: np.ndarray
    room: np.ndarray
    room_kw: np.ndarray
    periods: int

    def by_site(self, n_sites: int) -> np.ndarray:
        """(E, n) consumption."""
        return self._sums(self.stores.site, self.fills.site, n_sites)

    def by_group(self, groups: Groups) -> np.ndarray:
        """(G, n) consumption, inner groups counted in their parents as well."""
        inside = self._sums(self.stores.group, self.fills.group, len(groups))
        total = inside.copy()
        inner = np.flatnonzero(groups.parent != NO_GROUP)
        np.add.at(total, groups.parent[inner], inside[inner])
        return total

    def _sums(self, store_place: np.ndarray, fill_place: np.ndarray, count: int) -> np.ndarray:
        slots = self.periods + 1
        steps = np.zeros(count * slots)
        for part, place, kw in ((self.stores, store_place, self.store_kw), (self.fills, fill_place, self.fill_kw)):
            there = place >= 0
            for at, sign in ((part.first, 1.0), (part.end, -1.0)):
                steps += sign * np.bincount(place[there] * slots + at[there], kw[there], minlength=count * slots)
        total = np.cumsum(steps.reshape(count, slots), axis=1)[:, :-1]
        place = store_place[self.room]
        np.add.at(total, place[place >= 0], self.room_kw[place >= 0])
        return total


def natural_course(*, stores: Stores, fills: Fills, profiles: Profiles, hours: float, periods: int) -> NaturalCourse:
    room = np.flatnonzero(stores.profile != NO_PROFILE)
    missing_kwh = np.maximum(stores.end_kwh - stores.initial_kwh, 0)
    store_kw = missing_kwh / (stores.eta_in * (stores.end - stores.first) * hours)
    store_kw[room] = 0
    fill_kw = fills.need_kwh / (fills.eta_in * (fills.end - fills.first) * hours)
    return NaturalCourse(stores, fills, store_kw, fill_kw, room, _held(stores, profiles, room, hours), periods)


def _held(stores: Stores, profiles: Profiles, room: np.ndarray, hours: float) -> np.ndarray:
    """(R, n) power that keeps every room at its initial energy, as far as its power goes."""
    row = stores.profile[room]
    kept = stores.initial_kwh[room]
    energy = kept.copy()
    power = np.zeros((len(room), profiles.drift_kwh.shape[1]))
    for t in range(power.shape[1]):
        energy = stores.keep_ratio[room] * energy + profiles.drift_kwh[row, t]
        power[:, t] = np.clip((kept - energy) / (hours * stores.eta_in[room]), 0, profiles.charge_kw[row, t])
        energy += hours * stores.eta_in[room] * power[:, t]
    return power

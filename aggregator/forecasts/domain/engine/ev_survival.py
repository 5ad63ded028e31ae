"""How long cars stay, and when they come: hazards and arrivals per site, learned day by day.

A "stay" is any state that a car is in from its arrival on, so the same holds for cars that are still charging. Hazards count cars
that are still here (Kaplan and Meier, J. Am. Stat. Assoc. 53, 1958), so a stay that has not ended teaches as well; older days weigh
less; each site's are drawn to those of the class.
"""

from dataclasses import dataclass, replace

import numpy as np

from aggregator.forecasts.domain.engine.days import Days

BLOCK_HOURS = 3
GROUPS = 2 * 24 // BLOCK_HOURS
LONGEST_HOURS = 48.0  # cells of a stay; beyond, cars leave at the rate of the last one
STAY_MEMORY_DAYS, ARRIVAL_MEMORY_DAYS = 120.0, 56.0
PSEUDO_CARS = 10.0  # at risk in each cell: what the class is worth beside a site's own, and all groups beside one
BLUR_HOURS = 1.0  # arrivals of a slot are those around it
MOST_HAZARD = 0.99
LEAST_LOG = -60.0  # of a share, so that ratios of shares stay numbers
LEAST_SHARE = float(np.exp(np.float32(LEAST_LOG)))
HERE = np.iinfo(np.int64).max  # leaves after all that is known


@dataclass(frozen=True)
class Stays:
    """C stays: site (C,), begins and ends (C,) in slots over the days laid end to end; HERE where it has not ended.

    At the end of slot t a car is here if begins <= t < ends.
    """

    site: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    @classmethod
    def of_hours(cls, *, site: np.ndarray, begins_at: np.ndarray, ends_at: np.ndarray, days: Days) -> "Stays":
        """From hours since midnight before the first day (local clock); NaN end = has not ended."""
        ended = np.isfinite(ends_at)
        ends = np.where(ended, np.floor(np.where(ended, ends_at, 0.0) / days.hours), 0.0).astype(np.int64)
        return cls(site, np.floor(begins_at / days.hours).astype(np.int64), np.where(ended, ends, HERE))

    def among(self, first: int, end: int) -> "Stays":
        """Those that touch slots first..end-1, as was known at the end of the last of them."""
        touch = (self.begins < end) & (self.ends >= first)
        ends = self.ends[touch]
        return Stays(self.site[touch], self.begins[touch], np.where(ends < end, ends, HERE))


def groups_of(days: Days) -> np.ndarray:
    """(T,) group 0..GROUPS-1 of an arrival in each slot: 3-hour block x working day or not."""
    block = (days.clock_hours // BLOCK_HOURS).astype(int)
    return (block[None, :] + np.where(days.working, 0, GROUPS // 2)[:, None]).ravel()


@dataclass(frozen=True)
class Survival:
    """left, risk (N, G, K) decayed numbers of cars that left in, and had come to, each cell; came (N, 2, S) arrivals per kind of day,
    seen (N, 2) days of it. Cells count from the arrival, or `by_clock` from the midnight before it: some leave when they have stayed
    long enough, others at their hour.
    """

    by_clock: bool
    left: np.ndarray
    risk: np.ndarray
    came: np.ndarray
    seen: np.ndarray

    @classmethod
    def none(cls, *, sites: int, slots: int, by_clock: bool) -> "Survival":
        cells = (sites, GROUPS, round(LONGEST_HOURS * slots / 24))
        return cls(by_clock, np.zeros(cells, np.float32), np.zeros(cells, np.float32), np.zeros((sites, 2, slots)), np.zeros((sites, 2)))

    def learned(self, stays: Stays, *, days: Days, day: int, known: np.ndarray) -> "Survival":
        """After one day more, of which sites `known` (N,) bool were seen; `stays`: those that touch it."""
        first, end = day * days.slots, (day + 1) * days.slots
        left, risk = self._fates(stays.among(first, end), days, first, end)
        fresh = (stays.begins >= first) & (stays.begins < end)
        shape = (len(known), days.slots)
        came = np.bincount((stays.site * days.slots + stays.begins - first)[fresh], minlength=shape[0] * shape[1]).reshape(shape)
        keep = np.where(known, np.exp(-1 / STAY_MEMORY_DAYS), 1.0).astype(np.float32)[:, None, None]
        kind = int(not days.working[day])
        arrivals, seen, fade = self.came.copy(), self.seen.copy(), np.exp(-1 / ARRIVAL_MEMORY_DAYS)
        arrivals[known, kind] = fade * arrivals[known, kind] + came[known]
        seen[known, kind] = fade * seen[known, kind] + 1
        return replace(self, left=keep * self.left + left, risk=keep * self.risk + risk, came=arrivals, seen=seen)

    def _fates(self, stays: Stays, days: Days, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, G, K) cars that left in each cell, and that had come to it, in slots first..end-1."""
        n, groups, cells = self.left.shape
        row = stays.site * groups + groups_of(days)[np.clip(stays.begins, 0, days.count * days.slots - 1)]
        zero = anchor(stays.begins, days.slots, by_clock=self.by_clock)
        since, until = np.maximum(stays.begins, first) - zero, np.minimum(stays.ends, end - 1) - zero
        change = np.zeros(n * groups * (cells + 1))
        np.add.at(change, row * (cells + 1) + np.minimum(since, cells - 1), 1)
        np.add.at(change, row * (cells + 1) + np.minimum(until, cells - 2) + 1, -1)
        risk = np.cumsum(change.reshape(n, groups, cells + 1), axis=-1)[..., :-1]
        late = np.maximum(until - np.maximum(since, cells - 1) + 1, 0)  # slots in the last, open cell
        risk[..., -1] = np.bincount(row, late, minlength=n * groups).reshape(n, groups)
        gone = stays.ends < end
        left = np.bincount((row * cells + np.minimum(until, cells - 1))[gone], minlength=n * groups * cells)
        return left.reshape(n, groups, cells), risk

    def tables(self) -> "Tables":
        everyone = _hazard(self.left.sum(axis=(0, 1)), self.risk.sum(axis=(0, 1)), 0.0)
        group = _hazard(self.left.sum(axis=0), self.risk.sum(axis=0), everyone)
        log = np.log1p(-np.minimum(_hazard(self.left, self.risk, group), MOST_HAZARD))
        rate = _blurred(self.came, round(BLUR_HOURS * self.came.shape[-1] / 24)) / np.maximum(self.seen, 1.0)[..., None]
        padded = np.concatenate([np.zeros_like(log[..., :1]), np.cumsum(log, axis=-1)], axis=-1)
        return Tables(self.by_clock, np.exp(np.maximum(padded, LEAST_LOG)).astype(np.float32), np.exp(log[..., -1]), rate)


@dataclass(frozen=True)
class Tables:
    """stays (N, G, 1 + K): share still here at the start of each cell; later (N, G): what is left of it after each slot beyond;
    rate (N, 2, S): arrivals per slot on working days, on others.
    """

    by_clock: bool
    stays: np.ndarray
    later: np.ndarray
    rate: np.ndarray

    def share(self, site: np.ndarray, group: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """At the start of `cell`; the three broadcast together."""
        last = self.stays.shape[-1] - 1
        found = self.stays[site, group, np.minimum(cell, last)]
        if cell.size and cell.max() > last:
            found = found * self.later[site, group] ** np.maximum(cell - last, 0)
        return np.maximum(found, LEAST_SHARE)

    def shares(self, group: int, cell: int, count: int) -> np.ndarray:
        """(N, count) of those who come in `cell`, still here at the ends of it and of the cells after it."""
        rows = self.stays[:, group, cell + 1 : cell + 1 + count]
        missing = count - rows.shape[1]
        if missing:
            beyond = self.stays[:, group, -1:] * self.later[:, group, None] ** np.arange(1, missing + 1)
            rows = np.concatenate([rows, beyond], axis=1)
        return rows / self.stays[:, group, cell : cell + 1]


def anchor(begins: np.ndarray, slots: int, *, by_clock: bool) -> np.ndarray:
    """The slot that cells count from."""
    return begins - begins % slots if by_clock else begins


def _hazard(left: np.ndarray, risk: np.ndarray, prior: np.ndarray | float) -> np.ndarray:
    return (left + PSEUDO_CARS * prior) / (risk + PSEUDO_CARS)


def _blurred(values: np.ndarray, half: int) -> np.ndarray:
    """Mean over the slot and `half` on each side, around the clock."""
    return np.sum([np.roll(values, k, axis=-1) for k in range(-half, half + 1)], axis=0) / (2 * half + 1)

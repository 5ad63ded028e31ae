"""EV stations: like a load, and besides what the cars that are here say of the next hours."""

from dataclasses import dataclass, field

import numpy as np

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.ev_expected import Expected, coming, staying
from aggregator.forecasts.domain.engine.ev_survival import Stays, Survival, Tables
from aggregator.forecasts.domain.engine.history import Steps
from aggregator.forecasts.domain.engine.load import Load


@dataclass(frozen=True)
class EvStation(Load):
    """Plugged cars, or kW, of stations whose sessions are known; of one without, nothing is said of the next hours (it is a load).

    `expected`: by the length of stays, and by the clock; the first also says what is so at the origin.
    """

    expected: tuple[Expected, ...] = field(kw_only=True)

    def step_features(self, steps: Steps) -> np.ndarray:
        """Differences, since the ridge would blur values that all stand near the present one."""
        days, ahead = steps.history.days, steps.target - steps.origin
        now = self.expected[0].at(days, steps.origin, np.zeros_like(ahead))
        by_length, by_clock = (curve.at(days, steps.origin, ahead) for curve in self.expected)
        parts = (now - steps.at(steps.y, steps.origin), by_length - now, by_clock - by_length)
        return np.concatenate([super().step_features(steps), np.stack(parts, axis=-1)], axis=-1)


@dataclass
class Outlook:
    """Keeps what is expected of the cars of N sites, from what was known at each origin.

    `tables` and `coming` (H, N, S), a pair each (by length, by clock), are of the days before `day`, and for it.
    """

    days: Days
    survivals: tuple[Survival, ...]
    expected: tuple[Expected, ...]
    day: int
    tables: tuple[Tables, ...] = ()
    coming: tuple[np.ndarray, ...] = ()

    @classmethod
    def none(cls, *, sites: int, days: Days, horizons: np.ndarray, day: int = 0) -> "Outlook":
        """Before the first day that is known, `day`."""
        survivals = tuple(Survival.none(sites=sites, slots=days.slots, by_clock=kind) for kind in (False, True))
        expected = tuple(Expected.none(sites=sites, days=days, horizons=horizons) for _ in survivals)
        return cls(days, survivals, expected, day).prepared()

    def prepared(self) -> "Outlook":
        first, slots = self.day * self.days.slots, self.days.slots
        self.tables = tuple(survival.tables() for survival in self.survivals)
        self.coming = tuple(
            coming(tables, days=self.days, first=first, count=slots, horizons=curve.horizons)
            for tables, curve in zip(self.tables, self.expected, strict=True)
        )
        return self

    def look(self, slots: np.ndarray, stays: Stays, *, scale: np.ndarray, known: np.ndarray) -> None:
        """From the ends of `slots` of the day; scale (N,) cars per unit of activity, known (N,) bool: whose sessions are."""
        origins = self.day * self.days.slots + slots
        for tables, come, curve in zip(self.tables, self.coming, self.expected, strict=True):
            found = staying(tables, stays, days=self.days, origins=origins, horizons=curve.horizons)
            found[1:] += come[:, :, slots]
            curve.put(origins, np.where(known[None, :, None], found / scale[None, :, None], np.nan))

    def advance(self, stays: Stays, *, scale: np.ndarray, known: np.ndarray) -> None:
        """The day has matured: looked at from each of its slots as it was then, and learned from."""
        slots = self.days.slots
        here = stays.among(self.day * slots, (self.day + 1) * slots)
        self.look(np.arange(slots), here, scale=scale, known=known)
        self.survivals = tuple(part.learned(here, days=self.days, day=self.day, known=known) for part in self.survivals)
        self.day += 1
        self.prepared()

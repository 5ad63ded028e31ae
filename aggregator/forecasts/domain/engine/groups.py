"""Errors of groups of assets (portfolios) added up day by day: what a group's own bands are made of.

Means add, quantiles do not. The history is that of the present members: it is worked out again when they change.
"""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain.engine.engine import Matured

KEPT_DAYS = 60
LEAST_SHARE = 0.8  # of the squared sizes of its members' errors must be known for a period to count
QUANTITIES = ("power", "up", "down")  # kW injected, and what could be moved up and down


@dataclass(frozen=True)
class GroupErrors:
    """Sums over the members that are known, actual minus said. Models: day-ahead, then the trained horizons.

    error (Q, G, K days, M, S) [kW]; known (G, K, M, S) and whole (G, K, S): squared usual sizes [kW2] of the errors of the members
    that are in the sums, and of all.
    """

    error: np.ndarray
    known: np.ndarray
    whole: np.ndarray

    @classmethod
    def none(cls, *, groups: int, models: int, slots: int) -> "GroupErrors":
        return cls(
            np.zeros((len(QUANTITIES), groups, 0, models, slots), np.float32),
            np.zeros((groups, 0, models, slots), np.float32),
            np.zeros((groups, 0, slots), np.float32),
        )

    def plus(self, more: "GroupErrors") -> "GroupErrors":
        """One day more, the oldest beyond KEPT_DAYS forgotten."""
        kept = slice(max(0, self.whole.shape[1] + more.whole.shape[1] - KEPT_DAYS), None)
        return GroupErrors(
            np.concatenate([self.error, more.error], axis=2)[:, :, kept],
            np.concatenate([self.known, more.known], axis=1)[:, kept],
            np.concatenate([self.whole, more.whole], axis=1)[:, kept],
        )

    def total(self, group: int, quantity: str) -> np.ndarray:
        """(K, M, S) error of the group [kW]; NaN where too few members are known. Those that are stand for all."""
        share = self.known[group] / np.maximum(self.whole[group], 1e-12)[:, None]
        error = self.error[QUANTITIES.index(quantity), group]
        return np.where(share >= LEAST_SHARE, error / np.sqrt(np.maximum(share, LEAST_SHARE)), np.nan)

    def size_kw(self, group: int) -> np.ndarray:
        """(K, S) how large the group's error would usually be if its members' were independent: the level of its errors."""
        return np.sqrt(self.whole[group])


def added(parts: list[GroupErrors], rows: list[int]) -> GroupErrors:
    """One group out of its rows in several shards, over the days that all of them have."""
    days = min(part.whole.shape[1] for part in parts)
    error = sum(part.error[:, row : row + 1, part.error.shape[2] - days :] for part, row in zip(parts, rows, strict=True))
    known = sum(part.known[row : row + 1, part.known.shape[1] - days :] for part, row in zip(parts, rows, strict=True))
    whole = sum(part.whole[row : row + 1, part.whole.shape[1] - days :] for part, row in zip(parts, rows, strict=True))
    return GroupErrors(np.asarray(error), np.asarray(known), np.asarray(whole))


@dataclass(frozen=True)
class Movable:
    """What an activity a [kW] lets be moved: up max(0, a - must_run) where `up`, down a or rated - a.

    (N,) each; down_per_kw 1: all of it (generation), -1: what is left up to rated (rooms), 0: nothing that depends on the forecast.
    """

    up: np.ndarray
    must_run_kw: np.ndarray
    down_per_kw: np.ndarray
    rated_kw: np.ndarray

    def rooms(self, activity_kw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(up, down) like `activity_kw` (N, ..)."""
        wide = (slice(None), *(None,) * (activity_kw.ndim - 1))
        up = np.where(self.up[wide], np.maximum(0.0, activity_kw - self.must_run_kw[wide]), 0.0)
        down = np.where(self.down_per_kw[wide] < 0, self.rated_kw[wide] - activity_kw, self.down_per_kw[wide] * activity_kw)
        return up, down


def errors_of_day(matured: Matured, *, members: np.ndarray, scale_kw: np.ndarray, sign: int, movable: Movable) -> GroupErrors:
    """members (G, N) bool; sign: +1 generates, -1 consumes."""
    n, slots = matured.actual.shape
    models = 1 + matured.steps.mean.shape[1]
    said = np.full((n, models, slots), np.nan, np.float32)
    said[:, 0] = matured.day_ahead.mean
    said[:, 1:, matured.slots] = matured.steps.mean
    said, actual = said * scale_kw[:, None, None], (matured.actual * scale_kw[:, None])[:, None]
    known = np.isfinite(said) & np.isfinite(actual)
    there, then = movable.rooms(np.where(known, actual, 0.0)), movable.rooms(np.where(known, said, 0.0))
    errors = [sign * (actual - said), there[0] - then[0], there[1] - then[1]]
    member = members.astype(np.float32)
    flat = [np.where(known, error, 0.0).reshape(n, -1).astype(np.float32) for error in errors]
    weight = ((matured.size * scale_kw[:, None]) ** 2).astype(np.float32)
    shape = (len(members), 1, models, slots)
    return GroupErrors(
        np.stack([(member @ error).reshape(shape) for error in flat]),
        (member @ (weight[:, None] * known).reshape(n, -1)).reshape(shape),
        (member @ weight)[:, None],
    )

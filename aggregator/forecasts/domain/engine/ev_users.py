"""What is known of a car at plug-in: the hour, the day, and what its user did before.

All of it per quantity (stay or need) in logs: a driver who stays twice as long does so by a factor.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

PSEUDO_SESSIONS = 5.0  # what the site's mean is worth beside a user's own sessions
MEMORY_HOURS = 90 * 24.0  # users change cars and habits
SHORTEST_GAP_HOURS, LONGEST_GAP_HOURS = 0.25, 21 * 24.0
UNKNOWN_USER = -1
BLOCK_HOURS = 3


@dataclass(frozen=True)
class Past:
    """Sessions that have ended, and `value` (C,) of each: log h of stay or log kWh of need."""

    sessions: pd.DataFrame
    value: np.ndarray


def design(arrivals: pd.DataFrame, past: Past, *, off: np.ndarray) -> np.ndarray:
    """(A, p) features of `arrivals` (columns site, user, arrives_at), each from those of `past` that had ended when it came.

    arrives_at, departs_at: hours since a midnight, local clock; off (A,): comes on a day that is not worked.
    """
    at = arrivals["arrives_at"].to_numpy()
    angle = 2 * np.pi * at / 24
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    site = _Sums.of(arrivals["site"].to_numpy(), at, past, past.sessions["site"].to_numpy())
    usual = site.mean(_everyone(at, past))
    user = _Sums.of(_user(arrivals), at, past, _user(past.sessions))
    own = user.mean(usual)
    spread = np.sqrt(user.variance(own, site.variance(usual, np.full(len(at), 1.0))))
    block = _Sums.of(_in_block(arrivals), at, past, _in_block(past.sessions))
    last, gap, usual_gap = _since(arrivals, past, user.last)
    parts = [np.ones(len(at)), *waves, off, off * waves[0], off * waves[1], usual, own, spread, block.mean(own) - own]
    parts += [np.where(user.last >= 0, last - own, 0.0), gap - usual_gap]
    return np.stack(parts, axis=-1).astype(float)


@dataclass(frozen=True)
class _Sums:
    """Per arrival: decayed sums over earlier sessions with the same key, and the newest of them (-1 = none)."""

    rows: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, key: np.ndarray, at: np.ndarray, past: Past, past_key: np.ndarray) -> "_Sums":
        ended = past.sessions["departs_at"].to_numpy()
        order = np.lexsort((ended, past_key))
        names, codes = np.unique(past_key[order], return_inverse=True)
        code = np.searchsorted(names, key)
        known = (code < len(names)) & (key != UNKNOWN_USER)
        known[known] = names[code[known]] == key[known]
        code = np.where(known, code, 0)
        span = float(max(np.max(at, initial=0.0), np.max(ended, initial=0.0))) + 1.0
        place = np.searchsorted(codes * span + ended[order], code * span + at, side="right")
        start = np.searchsorted(codes, code, side="left")
        grow = np.exp((ended[order] - span) / MEMORY_HOURS)
        fade = np.exp((span - at) / MEMORY_HOURS)
        value = past.value[order]
        sums = []
        for what in (grow, grow * value, grow * value**2):
            running = np.concatenate([[0.0], np.cumsum(what)])
            sums.append(np.where(known, (running[place] - running[start]) * fade, 0.0))
        newest = np.where(known & (place > start), order[np.maximum(place - 1, 0)] if len(order) else -1, -1)
        rows, total, squares = sums
        return cls(rows, total, squares, newest)

    def mean(self, prior: np.ndarray) -> np.ndarray:
        return (self.total + PSEUDO_SESSIONS * prior) / (self.rows + PSEUDO_SESSIONS)

    def variance(self, mean: np.ndarray, prior: np.ndarray) -> np.ndarray:
        around = self.squares - 2 * mean * self.total + self.rows * mean**2
        return (np.maximum(around, 0.0) + PSEUDO_SESSIONS * prior) / (self.rows + PSEUDO_SESSIONS)


def _since(arrivals: pd.DataFrame, past: Past, newest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A,) each: the user's last value; log h since it left, and what that usually is (equal where not known)."""
    if not len(past.value):
        return (np.zeros(len(newest)),) * 3
    ended = past.sessions["departs_at"].to_numpy()
    gap = _log_gap(arrivals["arrives_at"].to_numpy() - ended[newest])
    before = past.sessions.sort_values(["user", "departs_at"])
    between = before["arrives_at"] - before.groupby("user")["departs_at"].shift()
    log = pd.Series(_log_gap(between.to_numpy()), index=before.index).where(between.notna()).reindex(past.sessions.index)
    known = log.notna().to_numpy()
    logs = Past(past.sessions[known], log.to_numpy()[known])
    at = arrivals["arrives_at"].to_numpy()
    usual = _Sums.of(_user(arrivals), at, logs, _user(logs.sessions)).mean(_everyone(at, logs))
    return past.value[newest], np.where(newest >= 0, gap, usual), usual


def _everyone(at: np.ndarray, past: Past) -> np.ndarray:
    """(A,) mean over all sessions that had ended at each time."""
    return _Sums.of(np.zeros(len(at)), at, past, np.zeros(len(past.value))).mean(np.zeros(len(at)))


def _log_gap(hours: np.ndarray) -> np.ndarray:
    return np.log(np.clip(hours, SHORTEST_GAP_HOURS, LONGEST_GAP_HOURS))


def _user(sessions: pd.DataFrame) -> np.ndarray:
    return sessions["user"].to_numpy()


def _in_block(sessions: pd.DataFrame) -> np.ndarray:
    """One key per user and 3-hour block of the arrival."""
    block = (sessions["arrives_at"].to_numpy() % 24 // BLOCK_HOURS).astype(int)
    user = _user(sessions)
    return np.where(user == UNKNOWN_USER, UNKNOWN_USER, user * (24 // BLOCK_HOURS) + block)

"""Random numbers by name: each series has its own generator, so adding one series moves no other."""

import hashlib

import numpy as np

# Part of every stream's name, and written into every file: another edition is another world for each seed.
EDITION = "34"


def stream(seed: int, *names: str) -> np.random.Generator:
    """The generator of the series `names` under `seed`; the same on every machine."""
    text = "/".join((f"v{EDITION}", str(seed), *names)).encode()
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(text).digest()[:16], "big")))


def autocorrelated(rng: np.random.Generator, n: int, *, hours: float, memory_hours: float) -> np.ndarray:
    """A stationary AR(1) path of unit variance, shape (n,); correlation falls to 1/e after `memory_hours`."""
    keep = float(np.exp(-hours / memory_hours))
    shocks = rng.standard_normal(n) * np.sqrt(1 - keep * keep)
    path, value = np.empty(n), float(rng.standard_normal())
    for t in range(n):
        value = keep * value + shocks[t]
        path[t] = value
    return path

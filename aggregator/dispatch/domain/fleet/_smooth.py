"""A market without sharp corners, for sweeps that would otherwise stop at them.

One asset after the other never gets past a corner of the market's value that two of them could only pass together. Where
the value falls in many small steps instead of a large one, they do; the last sweeps then read the true steps again.
"""

import numpy as np

COPIES = 5


def smoothed(breaks: np.ndarray, values: np.ndarray, width_kw: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean of COPIES of a falling step function, moved by -width .. +width.

    breaks (n, M) rising [kW], values (n, M + 1) between them, falling; M times COPIES breaks come back, values still falling.
    """
    if width_kw <= 0 or not breaks.shape[1]:
        return breaks, values
    n = len(breaks)
    moved = np.linspace(-width_kw, width_kw, COPIES)
    every = np.sort((breaks[:, :, None] + moved).reshape(n, -1), axis=1)
    middle = np.concatenate([every[:, :1] - 1.0, (every[:, :-1] + every[:, 1:]) / 2, every[:, -1:] + 1.0], axis=1)
    total = np.zeros(middle.shape)
    for by in moved:
        step = (middle[:, :, None] - by >= breaks[:, None, :]).sum(axis=2)
        total += np.take_along_axis(values, step, axis=1)
    # Between breaks that fall together there is nothing; what stands there must not rise.
    return every, np.minimum.accumulate(total / COPIES, axis=1)

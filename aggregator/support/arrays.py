"""Arrays as bytes in one column: a row per asset and day instead of a row per period."""

import numpy as np


def pack_f4(values: np.ndarray) -> bytes:
    """float32 little-endian bytes; NaN means missing."""
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def unpack_f4(data: bytes) -> np.ndarray:
    """float64 array of what pack_f4 wrote."""
    return np.frombuffer(bytes(data), dtype="<f4").astype(np.float64)


MISSING_I8 = np.iinfo(np.int64).min


def pack_i8(values: np.ndarray) -> bytes:
    """int64 little-endian bytes; MISSING_I8 means missing. Exact: watt-hours, 0.0001 CNY/MWh."""
    return np.ascontiguousarray(values, dtype="<i8").tobytes()


def unpack_i8(data: bytes) -> np.ndarray:
    """int64 array of what pack_i8 wrote."""
    return np.frombuffer(bytes(data), dtype="<i8").astype(np.int64)

"""Arrays as bytes in one column: a row per asset and day instead of a row per period."""

from collections.abc import Mapping
from io import BytesIO

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


def pack_named(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays of any shape and type under their names, in order; the same arrays give the same bytes."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def unpack_named(data: bytes) -> dict[str, np.ndarray]:
    """What pack_named wrote."""
    with np.load(BytesIO(bytes(data)), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}

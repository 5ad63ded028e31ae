"""Columns as bytes for a row of the database, exact to the last bit: a plan is checked as it was stored.

The eight bytes of every float64 are laid out apart before compressing: signs and exponents of a column are much alike.
"""

import hashlib
import io
import zlib
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from aggregator.dispatch.domain.fleet.problem import CallLoads, Fills, FleetProblem, Groups, Market, Profiles, Sites, Stores, no_market
from aggregator.dispatch.domain.fleet.result import Moves

LEVEL = 1  # the others take several times as long for a few percent
PARTS = {
    "sites": Sites,
    "stores": Stores,
    "fills": Fills,
    "calls": CallLoads,
    "groups": Groups,
    "profiles": Profiles,
}
Record = TypeVar("Record", Market, Moves)


def pack_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """Names and arrays, no pickles. Equal arrays give equal bytes."""
    raw = io.BytesIO()
    np.savez(raw, allow_pickle=False, **{_marked(name, values): _apart(values) for name, values in arrays.items()})
    return zlib.compress(raw.getbuffer(), LEVEL)


def unpack_arrays(data: bytes) -> dict[str, np.ndarray]:
    """What pack_arrays was given."""
    with np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False) as stored:
        return dict(_together(name, stored[name]) for name in stored.files)


def _marked(name: str, values: np.ndarray) -> str:
    return f"{name}|{','.join(map(str, values.shape))}" if values.dtype == np.float64 else name


def _apart(values: np.ndarray) -> np.ndarray:
    return values if values.dtype != np.float64 else np.ascontiguousarray(np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8).T)


def _together(name: str, stored: np.ndarray) -> tuple[str, np.ndarray]:
    plain, marked, shape = name.partition("|")
    if not marked:
        return plain, stored
    sizes = [int(size) for size in shape.split(",") if size]
    return plain, np.ascontiguousarray(stored.T).reshape(-1).view(np.float64).reshape(sizes)


def hash_of(data: bytes) -> str:
    """SHA-256 hex of what was packed, whatever compressed it."""
    return hashlib.sha256(zlib.decompress(data)).hexdigest()


def pack_problem(problem: FleetProblem) -> bytes:
    """All of a shard but its market."""
    return pack_arrays({"hours": np.array(problem.hours), "shed_profiles_kw": problem.shed_profiles_kw} | _flat(problem, PARTS))


def unpack_problem(data: bytes) -> FleetProblem:
    stored = unpack_arrays(data)
    parts: dict[str, Any] = {name: kind(**_named(stored, name)) for name, kind in PARTS.items()}
    n = parts["sites"].fixed_injection_kw.shape[1]
    return FleetProblem(float(stored["hours"]), **parts, market=no_market(n), shed_profiles_kw=stored["shed_profiles_kw"])


def pack_record(record: Market | Moves) -> bytes:
    return pack_arrays(dict(vars(record)))


def unpack_record(kind: type[Record], data: bytes) -> Record:
    return kind(**unpack_arrays(data))


def _flat(whole: Any, parts: dict[str, type]) -> dict[str, np.ndarray]:
    return {f"{part}.{f.name}": getattr(getattr(whole, part), f.name) for part in parts for f in fields(getattr(whole, part))}


def _named(stored: dict[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(f"{part}."): values for name, values in stored.items() if name.startswith(f"{part}.")}

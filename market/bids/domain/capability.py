"""What a portfolio may move, by certificate: the lesser of what certificates say and what ratings and connections allow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from aggregator.assets.domain import Certificate

DIRECTIONS = ("up", "down")


@dataclass(frozen=True)
class Capability:
    """Change of injection [kW, >= 0] that certificates allow; inf where none limits it. `certificates`: those that say so."""

    up_kw: float
    down_kw: float
    certificates: tuple[Certificate, ...] = ()

    def of(self, direction: int) -> float:
        return self.up_kw if direction > 0 else self.down_kw

    def missing(self, direction: int) -> bool:
        """Whether nothing may be offered in the direction for lack of a certificate."""
        return self.of(direction) <= 0


UNCERTIFIED = Capability(np.inf, np.inf)


def capability(certificates: Iterable[Certificate], *, day: date, rated_kw: Mapping[int, float], required: bool) -> Capability:
    """What certificates that are valid on the delivery day allow.

    The portfolio's own certificate and those of its assets (`rated_kw` by asset id) count both: the lesser of the first and of the
    sum of the second. An asset without one counts with its rating, or with nothing where a certificate is `required`; the same
    holds for a portfolio of which nothing at all is certified. Of several of one subject and direction the newest counts.
    """
    valid: dict[tuple[int | None, str], Certificate] = {}
    for one in sorted(certificates, key=lambda one: (one.issued_on, one.document)):
        if one.issued_on <= day <= one.valid_until and (one.asset_id is None or one.asset_id in rated_kw):
            valid[one.asset_id, one.direction] = one
    up_kw, down_kw = (_most(valid, direction, rated_kw, required) for direction in DIRECTIONS)
    return Capability(up_kw, down_kw, tuple(valid[key] for key in sorted(valid, key=lambda key: (key[0] is not None, key[0] or 0, key[1]))))


def _most(valid: Mapping[tuple[int | None, str], Certificate], direction: str, rated_kw: Mapping[int, float], required: bool) -> float:
    whole = valid.get((None, direction))
    own = [valid[asset_id, direction].kw if (asset_id, direction) in valid else None for asset_id in rated_kw]
    limits = [] if whole is None else [whole.kw]
    if any(kw is not None for kw in own):
        others = [0.0 if required else rated for rated in rated_kw.values()]
        limits.append(sum(other if kw is None else kw for kw, other in zip(own, others, strict=True)))
    return min(limits, default=0.0 if required else np.inf)


def bound_rows(found: Capability, *, declared_up_kw: float, declared_down_kw: float) -> dict[str, Any]:
    """What bounded an offer, for its row and the screen: per direction the kW, `certificate` or `declared`, and the documents."""
    rows = {}
    for direction, certified, declared in (("up", found.up_kw, declared_up_kw), ("down", found.down_kw, declared_down_kw)):
        mine = [one for one in found.certificates if one.direction == direction]
        rows[direction] = {
            "kw": round(min(certified, declared), 3),
            "basis": "certificate" if certified < declared else "declared",
            "declared_kw": round(declared, 3),
            "certified_kw": round(certified, 3) if np.isfinite(certified) else None,
            "documents": [{"document": one.document, "valid_until": one.valid_until.isoformat()} for one in mine],
        }
    return rows

"""Which assets a gateway speaks for, looked up once a post."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from aggregator.assets.domain import parse_spec
from aggregator.gateways.models import Channel

FEW = 20  # so many are asked for by name; for more the whole list of the gateway is the cheaper question


@dataclass(frozen=True)
class Speaker:
    asset_id: int
    rated_kw: float


def speakers_of(*, gateway_id: int, named: Sequence[Any]) -> list[Speaker | None]:
    """For each name, as it was posted, the asset of this gateway that has it as public_id; None for any other."""
    rows = Channel.objects.filter(gateway_id=gateway_id)
    texts = set(map(_asset_text, named)) if len(named) <= FEW else None
    if texts is not None:
        rows = rows.filter(asset__public_id__in=texts - {""})
    # As text: the same few specs occur again and again, and are parsed once.
    values = rows.values_list("asset_id", "asset__public_id", "asset__kind", Cast("asset__spec", TextField()))
    known = {str(public_id): Speaker(asset_id, _rated_kw(kind, spec)) for asset_id, public_id, kind, spec in values}
    # Nearly all are written as we write them; only the others are parsed.
    return [(isinstance(name, str) and known.get(name)) or known.get(_asset_text(name)) for name in named]


def _asset_text(name: Any) -> str:
    """The public_id as we write it, or "" for what cannot be one."""
    try:
        return str(UUID(name)) if isinstance(name, str) else str(name) if isinstance(name, UUID) else ""
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def _rated_kw(kind: str, spec: str) -> float:
    return float(parse_spec(kind, json.loads(spec)).rated_kw)  # type: ignore[attr-defined]

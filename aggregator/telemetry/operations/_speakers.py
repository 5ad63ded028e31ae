"""Which assets a gateway speaks for, looked up once a post."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
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


def asset_text(value: object) -> str:
    """The public_id as it is stored, or "" for what cannot be one."""
    try:
        return str(UUID(value)) if isinstance(value, str) else str(value) if isinstance(value, UUID) else ""
    except ValueError:
        return ""


def speakers_of(*, gateway_id: int, named: Collection[str]) -> dict[str, Speaker]:
    """Assets of this gateway by public_id: at least those that are named and are its own."""
    rows = Channel.objects.filter(gateway_id=gateway_id)
    if len(named) <= FEW:
        rows = rows.filter(asset__public_id__in=named)
    # As text: the same few specs occur again and again, and are parsed once.
    values = rows.values_list("asset_id", "asset__public_id", "asset__kind", Cast("asset__spec", TextField()))
    return {str(public_id): Speaker(asset_id, _rated_kw(kind, spec)) for asset_id, public_id, kind, spec in values}


@lru_cache(maxsize=4096)
def _rated_kw(kind: str, spec: str) -> float:
    return float(parse_spec(kind, json.loads(spec)).rated_kw)  # type: ignore[attr-defined]

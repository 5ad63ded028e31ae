"""Publish a version of a rule pack, and put a park under one."""

from django.db import transaction

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.fingerprint import fingerprint
from market.rules.domain import Pack
from market.rules.models import ParkPack, RulePack


class PackVersionTaken(Anticipated):
    code = "rules.pack_version_taken"
    text = "Version %(version)s of the rule pack %(pack)s is published with other figures; give the change a new version."
    status = 409


@transaction.atomic
def publish_pack(*, pack: Pack) -> bool:
    """Store this version; a published version never changes. Returns False where it was there already.

    Raises PackVersionTaken.
    """
    data = pack.model_dump(mode="json")
    sha256 = fingerprint(data)
    row, created = RulePack.objects.get_or_create(
        code=pack.code,
        version=pack.version,
        defaults={
            "province": pack.province,
            "valid_from": pack.valid_from,
            "valid_to": pack.valid_to,
            "document": pack.document,
            "reliability": pack.reliability,
            "data": data,
            "sha256": sha256,
        },
    )
    if row.sha256 != sha256:
        raise PackVersionTaken(pack=pack.code, version=pack.version)
    return created


def put_park_under(*, park_id: int, pack_code: str) -> None:
    """The park lives under this pack from now on; each day finds the version valid then."""
    ParkPack.objects.update_or_create(park_id=park_id, defaults={"pack_code": pack_code})

"""Which rules a page's figures come from, and how far those can be relied on."""

from dataclasses import dataclass
from datetime import date

from market.rules.domain import Pack, parse_pack
from market.rules.models import RulePack
from market.rules.queries import NoRulePack, pack_on


@dataclass(frozen=True)
class PackNote:
    """`unconfirmed`: paths that a person has to look up before anybody relies on them."""

    label: str
    reliability: str
    document: str
    unconfirmed: tuple[str, ...]


def _note(pack: Pack) -> PackNote:
    return PackNote(pack.label, pack.reliability, pack.document, pack.needs_confirmation)


def pack_of_label(label: str) -> PackNote | None:
    """The very version that a settlement names ("code v3"); None where it is not kept any more."""
    code, _, version = label.rpartition(" v")
    row = RulePack.objects.filter(code=code, version=int(version)).first() if version.isdigit() else None
    return _note(parse_pack(row.data)) if row else None


def pack_of_day(*, park_id: int, day: date) -> PackNote | None:
    """The rules that hold for a park's day."""
    try:
        return _note(pack_on(park_id=park_id, day=day))
    except NoRulePack:
        return None

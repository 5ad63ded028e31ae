"""Which rules hold for a park on a day."""

from datetime import date

from django.db.models import Q

from aggregator.kernel.errors import Anticipated
from market.rules.domain import Pack, parse_pack
from market.rules.models import ParkPack, RulePack


class NoRulePack(Anticipated):
    code = "rules.no_rule_pack"
    text = "No rule pack is valid for this park on %(day)s."
    status = 409


def pack_on(*, park_id: int, day: date) -> Pack:
    """The newest version of the park's pack that is valid on `day`. Raises NoRulePack."""
    code = ParkPack.objects.filter(park_id=park_id).values_list("pack_code", flat=True).first()
    open_end = Q(valid_to=None) | Q(valid_to__gt=day)
    row = RulePack.objects.filter(open_end, code=code, valid_from__lte=day).order_by("-version").first()
    if row is None:
        raise NoRulePack(day=day.isoformat())
    return parse_pack(row.data)

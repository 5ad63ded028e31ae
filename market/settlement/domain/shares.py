"""Who gets what of a pool: energy by effective contribution, penalty by who fell short, fen by contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from aggregator.kernel.money import split
from market.settlement.domain.demand_response import Slot

OPERATOR = ""  # the operator's own account, beside the contracts' sites
Cell = tuple[str, int]  # (site, period)


@dataclass(frozen=True)
class SiteResponse:
    """One site in the window [Wh per period index, in the direction of the order].

    `realised_wh` is None where its meter or baseline is missing; `planned_wh` is what the first plan of
    the instruction asked of it (absent = nothing was asked).
    """

    site: str
    realised_wh: Mapping[int, int | None]
    planned_wh: Mapping[int, int]


def _cells(total: int, weights: Mapping[Cell, int]) -> dict[Cell, int]:
    # zero-padded period in the tie-break, so that period 9 comes before period 10
    keyed = {f"{site}\x00{index:05d}": weight for (site, index), weight in weights.items() if weight > 0}
    parts = split(total, {key: Decimal(weight) for key, weight in keyed.items()})
    return {(key.split("\x00")[0], int(key.split("\x00")[1])): part for key, part in parts.items() if part}


def split_by_contribution(*, total_wh: int, slots: Sequence[Slot], sites: Sequence[SiteResponse]) -> dict[Cell, int]:
    """Split delivered or credited energy over (site, period) by positive contribution.

    No cell gets more than it contributed: a pool never exceeds the sum of what helped.
    """
    weights = {(site.site, slot.index): max(0, site.realised_wh[slot.index] or 0) for slot in slots for site in sites}
    return _cells(total_wh, weights)


def penalty_by_cause(*, total_wh: int, slots: Sequence[Slot], sites: Sequence[SiteResponse]) -> dict[Cell, int]:
    """Split penalised energy over (site, period) by shortfall against the plan.

    What no plan asked of anybody (ordered minus planned) is the operator's own shortfall.
    """
    weights: dict[Cell, int] = {}
    for slot in slots:
        planned = 0
        for site in sites:
            asked = site.planned_wh.get(slot.index, 0)
            planned += asked
            weights[site.site, slot.index] = max(0, asked - (site.realised_wh[slot.index] or 0))
        weights[OPERATOR, slot.index] = max(0, slot.ordered_wh - planned)
    return _cells(total_wh, weights)


def share_fen(*, gross_fen: int, operator_ratio: Decimal) -> tuple[int, int]:
    """(enterprise, operator) fen of one gross amount of either sign; the sum is exact."""
    parts = split(gross_fen, {"enterprise": 1 - operator_ratio, "operator": operator_ratio})
    return parts["enterprise"], parts["operator"]

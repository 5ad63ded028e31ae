"""Does an award answer what was offered? Quantities nobody offered are refused, whoever sends them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from market.bids.domain.messages import AwardedPeriod
from market.bids.domain.steps import Step


def award_problem(*, offered: Mapping[datetime, Sequence[Step]], periods: Sequence[AwardedPeriod], product: str) -> str:
    """Why the award does not fit the offer, as a code; "" where it does. No periods = nothing accepted.

    A spot award covers every offered period (the position of a day has no holes) and stays between
    the least and the most that was offered; demand response and reserve may be accepted in part, never below their price.
    """
    starts = [period.starts_at.astimezone(UTC) for period in periods]
    if not periods:
        return ""
    if len(set(starts)) != len(starts):
        return "period_twice"
    if any(at not in offered for at in starts):
        return "period_not_offered"
    if product == "spot" and len(starts) != len(offered):
        return "period_missing"
    if product == "demand_response" and not _without_holes(sorted(offered), set(starts)):
        return "window_broken"
    for at, period in zip(starts, periods, strict=True):
        quantities = [step.injection_kw for step in offered[at]]
        least, most = min(quantities), max(quantities)
        if product != "spot":
            least, most = min(least, Decimal(0)), max(most, Decimal(0))
        if not least <= period.injection_kw <= most:
            return "quantity_not_offered"
        if product != "spot" and period.price_cny_per_mwh < offered[at][0].price_cny_per_mwh:
            return "price_below_offer"
    return ""


def _without_holes(offered: Sequence[datetime], starts: set[datetime]) -> bool:
    """Whether the awarded periods follow one another as they were offered."""
    places = [k for k, at in enumerate(offered) if at in starts]
    return places[-1] - places[0] + 1 == len(places)


def approval_problem(*, steps: Mapping[datetime, Sequence[Step]], max_kw: Decimal | None, max_price_cny_per_mwh: Decimal | None) -> str:
    """Why a person has to approve this bid, as a code; "" where it is inside the automatic limits.

    A limit that the pack does not have (None) is no permission.
    """
    if max_kw is None or max_price_cny_per_mwh is None:
        return "no_automatic_limits"
    every = [step for offered in steps.values() for step in offered]
    if any(abs(step.injection_kw) > max_kw for step in every):
        return "above_automatic_quantity"
    if any(abs(step.price_cny_per_mwh) > max_price_cny_per_mwh for step in every):
        return "above_automatic_price"
    return ""

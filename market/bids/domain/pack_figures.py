"""What bidding takes from a rule pack; a figure that nobody knows refuses the bid by name."""

from decimal import Decimal

from market.bids.domain.reserve_offer import HOURS_OF_DAY, ReserveForm
from market.bids.domain.steps import OfferForm
from market.rules.domain import Pack, figure


def offer_form(pack: Pack) -> OfferForm:
    """Raises FigureUnknown."""
    return OfferForm(
        price_floor_cny_per_mwh=figure(pack=pack, path="spot.price_floor_cny_per_mwh"),
        price_cap_cny_per_mwh=figure(pack=pack, path="spot.price_cap_cny_per_mwh"),
        price_step_cny_per_mwh=figure(pack=pack, path="spot.price_step_cny_per_mwh"),
        quantity_step_kw=figure(pack=pack, path="spot.quantity_step_kw"),
        min_segments=figure(pack=pack, path="spot.min_steps"),
        max_segments=figure(pack=pack, path="spot.max_steps"),
    )


def reserve_form(pack: Pack) -> ReserveForm | None:
    """None where the pack has no reserve product, or no price in either direction. Raises FigureUnknown for anything else it lacks."""
    rules = pack.reserve
    if rules is None or (rules.up_prices_cny_per_mw_h is None and rules.down_prices_cny_per_mw_h is None):
        return None
    return ReserveForm(
        up_cny_per_mw_h=_by_hour(rules.up_prices_cny_per_mw_h),
        down_cny_per_mw_h=_by_hour(rules.down_prices_cny_per_mw_h),
        block_hours=figure(pack=pack, path="reserve.block_hours"),
        lasting_hours=float(figure(pack=pack, path="reserve.lasting_hours")),
        quantity_step_kw=figure(pack=pack, path="reserve.quantity_step_kw"),
        min_kw=figure(pack=pack, path="reserve.min_kw"),
        with_demand_response=bool(rules.with_demand_response),
    )


def certificate_required(pack: Pack, product: str) -> bool:
    """Whether the rules ask for a certificate of what is offered; where they do not say, they do not."""
    rules = {"spot": pack.spot, "demand_response": pack.demand_response, "reserve_up": pack.reserve, "reserve_down": pack.reserve}[product]
    return bool(rules is not None and rules.certificate_required)


def _by_hour(prices: tuple[Decimal, ...] | None) -> tuple[Decimal, ...] | None:
    return prices * HOURS_OF_DAY if prices is not None and len(prices) == 1 else prices

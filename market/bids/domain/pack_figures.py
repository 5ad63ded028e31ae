"""What bidding takes from a rule pack; a figure that nobody knows refuses the bid by name."""

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

"""Bids as rows, for tests that begin after the computing."""

from decimal import Decimal

import numpy as np

from aggregator.support.arrays import pack_f4
from market.bids.models import Bid, BidStep, Invitation
from tests.integration.market.world import DAY, GRID, World, at, eve

WINDOW = GRID.window(at("18:00"), at("19:30"))
BASELINE_KW = np.full(len(GRID), -3000.0)


def _bid(world: World, product: str, state: str, gate: str, **fields) -> Bid:
    return Bid.objects.create(
        portfolio_id=world.portfolio_id,
        platform_id=world.platform_id,
        product=product,
        delivery_day=DAY,
        state=state,
        computed_at=eve("10:15"),
        gate_closes_at=eve(gate),
        resolution_s=900,
        baseline_kw=pack_f4(BASELINE_KW),
        solver_status="optimal",
        inputs_hash="0" * 64,
        **fields,
    )


def spot_bid(world: World, *, state: str = "submitted") -> Bid:
    """Two steps in every period: -900 kW at any price, -400 kW from 300 CNY/MWh on."""
    bid = _bid(world, "spot", state, "11:30")
    steps = ((1, Decimal(-100), Decimal(-900)), (2, Decimal(300), Decimal(-400)))
    BidStep.objects.bulk_create(
        BidStep(bid=bid, starts_at=start, number=k, price_cny_per_mwh=price, injection_kw=kw)
        for start in GRID.starts
        for k, price, kw in steps
    )
    return bid


def demand_bid(world: World, *, state: str = "submitted") -> Bid:
    """800 kW up at 400 CNY/MWh from 18:00 to 19:30."""
    invitation = Invitation.objects.create(
        platform_id=world.platform_id,
        reference="DR-1",
        delivery_day=DAY,
        direction="shave",
        starts_at=at("18:00"),
        ends_at=at("19:30"),
        max_kw=3000,
        price_cap_cny_per_mwh=Decimal(2800),
        reply_by=eve("11:00"),
        available_at=eve("09:30"),
    )
    bid = _bid(world, "demand_response", state, "11:00", invitation=invitation)
    BidStep.objects.bulk_create(
        BidStep(bid=bid, starts_at=start, number=1, price_cny_per_mwh=Decimal(400), injection_kw=Decimal(800))
        for start in GRID.starts[WINDOW]
    )
    return bid

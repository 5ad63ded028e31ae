"""Invitations, bids, awards and nominations as plain facts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from aggregator.kernel.errors import NotFound
from aggregator.support.arrays import unpack_f4, unpack_i8
from market.bids.domain import Step
from market.bids.models import Award, AwardPeriod, Bid, BidStep, Invitation, Nomination

OF_AN_AWARD = ("bid__invitation", "bid__optimisation_run")


@dataclass(frozen=True)
class InvitationFacts:
    """What the platform asks for; `direction` shave wants injection above, fill below the baseline."""

    id: int
    public_id: UUID
    platform_id: int
    reference: str
    delivery_day: date
    direction: str
    starts_at: datetime
    ends_at: datetime
    max_kw: float
    price_cap_cny_per_mwh: Decimal
    reply_by: datetime


@dataclass(frozen=True)
class BidScenario:
    """One of equally probable scenarios: the day of its prices, the day or quantile of its generation and load, what it costs.

    accepted_mwh, delivered_mwh : injection over the day. None where no curves stand.
    """

    day: date
    availability: str
    probability: float
    cost_cny: float | None
    price_mean_cny_per_mwh: float
    accepted_mwh: float
    delivered_mwh: float | None
    relief_kwh: float | None


@dataclass(frozen=True)
class BidRisk:
    """What the curves of a spot bid were computed with, and the risk of their cost [CNY]; figures are None in the fallback.

    availability : joint_days | crossed_days | quantile_paths, see docs/bid-curves.md.
    """

    run_public_id: UUID | None
    weight: float | None
    confidence: float | None
    expected_cost_cny: float | None
    value_at_risk_cny: float | None
    cvar_cny: float | None
    lower_bound_cny: float | None
    relief_kwh: float | None
    availability: str
    scenarios: tuple[BidScenario, ...]

    @property
    def n_scenarios(self) -> int:
        return len(self.scenarios)


@dataclass(frozen=True)
class BidFacts:
    """One bid. Arrays have the day's shape (n_periods,) [kW injection], or (0,) where not kept."""

    id: int
    public_id: UUID
    portfolio_id: int
    platform_id: int
    product: str
    delivery_day: date
    state: str
    state_reason: str
    computed_at: datetime
    gate_closes_at: datetime
    resolution: timedelta
    invitation: InvitationFacts | None
    baseline_kw: np.ndarray
    expected_kw: np.ndarray
    explanations: list[dict[str, Any]]
    solver_status: str
    expected_value_cny: float | None
    risk: BidRisk | None


@dataclass(frozen=True)
class AwardFacts:
    """What the market accepted of `bid`: arrays by period, in time order; empty where nothing was."""

    id: int
    public_id: UUID
    reference: str
    available_at: datetime
    bid: BidFacts
    starts: tuple[datetime, ...]
    injection_kw: tuple[Decimal, ...]
    price_cny_per_mwh: tuple[Decimal, ...]

    @property
    def ends_at(self) -> datetime | None:
        """End of the last awarded period."""
        return self.starts[-1] + self.bid.resolution if self.starts else None


def _invitation_facts(row: Invitation) -> InvitationFacts:
    return InvitationFacts(
        row.pk,
        row.public_id,
        row.platform_id,
        row.reference,
        row.delivery_day,
        row.direction,
        row.starts_at,
        row.ends_at,
        row.max_kw,
        row.price_cap_cny_per_mwh,
        row.reply_by,
    )


def _bid_facts(row: Bid) -> BidFacts:
    return BidFacts(
        id=row.pk,
        public_id=row.public_id,
        portfolio_id=row.portfolio_id,
        platform_id=row.platform_id,
        product=row.product,
        delivery_day=row.delivery_day,
        state=row.state,
        state_reason=row.state_reason,
        computed_at=row.computed_at,
        gate_closes_at=row.gate_closes_at,
        resolution=timedelta(seconds=row.resolution_s),
        invitation=_invitation_facts(row.invitation) if row.invitation else None,
        baseline_kw=unpack_f4(row.baseline_kw),
        expected_kw=unpack_f4(row.expected_kw),
        explanations=row.explanations,
        solver_status=row.solver_status,
        expected_value_cny=row.expected_value_cny,
        risk=_risk(row),
    )


def _risk(row: Bid) -> BidRisk | None:
    """None for demand response, and for bids older than these figures."""
    if not row.n_scenarios:
        return None
    return BidRisk(
        run_public_id=None if row.optimisation_run is None else row.optimisation_run.public_id,
        weight=row.risk_weight,
        confidence=row.risk_confidence,
        expected_cost_cny=row.expected_cost_cny,
        value_at_risk_cny=row.value_at_risk_cny,
        cvar_cny=row.cvar_cny,
        lower_bound_cny=row.lower_bound_cny,
        relief_kwh=row.relief_kwh,
        availability=row.availability,
        scenarios=tuple(BidScenario(**{**one, "day": date.fromisoformat(one["day"])}) for one in row.scenarios),
    )


def _award_facts(row: Award) -> AwardFacts:
    periods = list(AwardPeriod.objects.filter(award=row).order_by("starts_at"))
    return AwardFacts(
        id=row.pk,
        public_id=row.public_id,
        reference=row.reference,
        available_at=row.available_at,
        bid=_bid_facts(row.bid),
        starts=tuple(period.starts_at for period in periods),
        injection_kw=tuple(period.injection_kw for period in periods),
        price_cny_per_mwh=tuple(period.price_cny_per_mwh for period in periods),
    )


def open_invitation(*, portfolio_id: int, day: date, known_at: datetime) -> InvitationFacts | None:
    """The invitation for `day` that can still be answered at `known_at`; the latest published of several."""
    rows = Invitation.objects.filter(
        platform__portfolio_id=portfolio_id, delivery_day=day, available_at__lte=known_at, reply_by__gt=known_at
    )
    row = rows.order_by("-available_at", "reference").first()
    return _invitation_facts(row) if row else None


def bids_on(*, portfolio_id: int, day: date) -> list[BidFacts]:
    """Bids of the portfolio for a delivery day that were not withdrawn, by product."""
    rows = Bid.objects.filter(portfolio_id=portfolio_id, delivery_day=day).exclude(state="withdrawn")
    return [_bid_facts(row) for row in rows.select_related("invitation", "optimisation_run").order_by("product")]


def bid(*, bid_id: int) -> BidFacts:
    """Raises NotFound."""
    row = Bid.objects.select_related("invitation", "optimisation_run").filter(pk=bid_id).first()
    if row is None:
        raise NotFound(what="bid")
    return _bid_facts(row)


def steps_of(*, bid_id: int) -> dict[datetime, tuple[Step, ...]]:
    """The offered steps by period, in order of their number."""
    found: dict[datetime, tuple[Step, ...]] = {}
    for row in BidStep.objects.filter(bid_id=bid_id).order_by("starts_at", "number"):
        found[row.starts_at] = (*found.get(row.starts_at, ()), Step(row.price_cny_per_mwh, row.injection_kw))
    return found


def awards_on(*, portfolio_id: int, day: date, known_at: datetime | None = None) -> dict[str, AwardFacts]:
    """Awards of a delivery day by product, as known at `known_at` (default: all)."""
    rows = Award.objects.filter(bid__portfolio_id=portfolio_id, bid__delivery_day=day)
    if known_at is not None:
        rows = rows.filter(available_at__lte=known_at)
    return {row.bid.product: _award_facts(row) for row in rows.select_related(*OF_AN_AWARD).order_by("bid__product")}


def award(*, public_id: UUID) -> AwardFacts:
    """Raises NotFound."""
    row = Award.objects.select_related(*OF_AN_AWARD).filter(public_id=public_id).first()
    if row is None:
        raise NotFound(what="award")
    return _award_facts(row)


def award_of_reference(*, platform_id: int, reference: str) -> AwardFacts | None:
    """The award that a platform names so, if it is that platform's."""
    row = Award.objects.select_related(*OF_AN_AWARD).filter(platform_id=platform_id, reference=reference).first()
    return _award_facts(row) if row else None


def nominations(*, award_id: int) -> dict[int, np.ndarray]:
    """site_id -> the site's part of the spot position [Wh injection], int64 per period of the delivery day."""
    rows = Nomination.objects.filter(award_id=award_id).order_by("site__enterprise__code", "site__code")
    return {row.site_id: unpack_i8(row.injection_wh) for row in rows}

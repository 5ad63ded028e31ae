"""Invitations, our offers, and what the market accepted."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from aggregator.assets.models import Portfolio
from aggregator.dispatch.models import OptimisationRun
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified
from market.bids.domain import AVAILABILITY_KINDS
from market.platforms.models import Platform

PRODUCTS = ("spot", "demand_response", "reserve_up", "reserve_down")
BID = Lifecycle(
    "bid",
    {
        "draft": ("approved", "withdrawn", "missed"),
        "approved": ("submitted", "withdrawn", "missed"),
        "submitted": ("accepted", "rejected"),
        "accepted": ("awarded", "unawarded"),
        "rejected": (),
        "awarded": (),
        "unawarded": (),
        "withdrawn": (),
        "missed": (),
    },
)


class Invitation(Identified):
    """The platform asks for demand response (邀约)."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="invitations")
    reference = models.CharField(max_length=80)
    delivery_day = models.DateField()
    direction = models.CharField(max_length=5, choices=[("shave", "shave"), ("fill", "fill")])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    max_kw = models.FloatField()
    price_cap_cny_per_mwh = models.DecimalField(max_digits=12, decimal_places=4)
    reply_by = models.DateTimeField()
    available_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "reference"], name="invitation_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="invitation_window"),
        ]

    def __str__(self) -> str:
        return self.reference


class Bid(Identified):
    """Our offer for one product and delivery day.

    Spot: the risk that the curves were computed with, over `n_scenarios` equally probable ones (0: not computed so); money
    [CNY], cost = what is minimised. Costs are null where the curves were refused and the baseline is offered.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="bids")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="bids")
    product = models.CharField(max_length=20, choices=[(p, p) for p in PRODUCTS])
    delivery_day = models.DateField()
    invitation = models.ForeignKey(Invitation, null=True, blank=True, on_delete=models.PROTECT, related_name="bids")
    state = models.CharField(max_length=10, choices=BID.choices, default="draft")
    state_reason = models.CharField(max_length=200, blank=True)
    computed_at = models.DateTimeField()
    gate_closes_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    forecast_run_id = models.BigIntegerField(null=True)  # what it was computed from
    resolution_s = models.PositiveIntegerField()
    baseline_kw = models.BinaryField(blank=True)  # portfolio baseline injection per period of the day
    expected_kw = models.BinaryField(blank=True)  # portfolio injection we expect to be scheduled at
    explanations = models.JSONField(default=list)  # [{starts_at, reason, limit}] per period
    solver_status = models.CharField(max_length=20)
    expected_value_cny = models.FloatField(null=True)
    inputs_hash = models.CharField(max_length=64)
    optimisation_run = models.OneToOneField(OptimisationRun, null=True, on_delete=models.PROTECT, related_name="bid")
    risk_weight = models.FloatField(null=True)  # of the CVaR against the mean
    risk_confidence = models.FloatField(null=True)  # the CVaR is the mean of the dearest 1 - confidence
    expected_cost_cny = models.FloatField(null=True)
    value_at_risk_cny = models.FloatField(null=True)
    cvar_cny = models.FloatField(null=True)
    lower_bound_cny = models.FloatField(null=True)  # no curves have a lower weighed cost
    relief_kwh = models.FloatField(null=True)  # mean need of the scenarios' own load beyond its connections
    n_scenarios = models.PositiveSmallIntegerField(default=0)
    availability = models.CharField(max_length=20, blank=True, choices=[(kind, kind) for kind in AVAILABILITY_KINDS])
    # [{day, availability, probability, cost_cny, price_mean_cny_per_mwh, accepted_mwh, delivered_mwh, relief_kwh}]
    scenarios = models.JSONField(default=list)
    # {up, down: {kw, basis: certificate | declared, declared_kw, certified_kw, documents}}; {} where nothing was looked up
    capability = models.JSONField(default=dict)
    # reserve: {lasting_hours, starts_at, block: of each period, held_kw: {asset id: [kW per block]}}: who keeps it free if it is awarded
    reserve = models.JSONField(default=dict)

    class Meta:
        ordering = ["-delivery_day", "product"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "product", "delivery_day"], condition=~Q(state="withdrawn"), name="bid_once"),
            models.CheckConstraint(condition=Q(state__in=BID.states), name="bid_state"),
            models.CheckConstraint(condition=Q(product__in=PRODUCTS), name="bid_product"),
            models.CheckConstraint(
                condition=Q(expected_cost_cny=None, value_at_risk_cny=None, cvar_cny=None, risk_weight=None, risk_confidence=None)
                | Q(
                    n_scenarios__gt=0,
                    expected_cost_cny__isnull=False,
                    value_at_risk_cny__isnull=False,
                    cvar_cny__isnull=False,
                    risk_weight__range=(0, 1),
                    risk_confidence__gt=0,
                    risk_confidence__lt=1,
                ),
                name="bid_risk_whole",
            ),
            models.CheckConstraint(condition=Q(cvar_cny=None) | Q(cvar_cny__gte=F("value_at_risk_cny")), name="bid_risk_order"),
            models.CheckConstraint(condition=Q(availability="") | Q(availability__in=AVAILABILITY_KINDS), name="bid_availability"),
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.delivery_day}"


class BidStep(models.Model):
    """Offer `injection_kw` in total in this period if the price is at least `price_cny_per_mwh`.

    Supply-shaped in injection: higher price, more injection (less consumption). Demand response has
    one step per period of its window: injection_kw = the change above baseline. Reserve has one step per period of its blocks:
    the capacity that is kept free, negative for down, and its price is per MW and hour.
    """

    bid = models.ForeignKey(Bid, on_delete=models.CASCADE, related_name="steps")
    starts_at = models.DateTimeField()
    number = models.PositiveSmallIntegerField()
    price_cny_per_mwh = models.DecimalField(max_digits=12, decimal_places=4)
    injection_kw = models.DecimalField(max_digits=14, decimal_places=3)

    class Meta:
        ordering = ["starts_at", "number"]
        constraints = [models.UniqueConstraint(fields=["bid", "starts_at", "number"], name="bid_step_once")]

    def __str__(self) -> str:
        return f"{self.bid} {self.starts_at} {self.number}"


class Award(Identified):
    bid = models.OneToOneField(Bid, on_delete=models.PROTECT, related_name="award")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="awards")
    reference = models.CharField(max_length=80)
    available_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "reference"], name="award_once")]

    def __str__(self) -> str:
        return self.reference


class AwardPeriod(models.Model):
    award = models.ForeignKey(Award, on_delete=models.CASCADE, related_name="periods")
    starts_at = models.DateTimeField()
    injection_kw = models.DecimalField(max_digits=14, decimal_places=3)
    price_cny_per_mwh = models.DecimalField(max_digits=12, decimal_places=4)

    class Meta:
        ordering = ["starts_at"]
        constraints = [models.UniqueConstraint(fields=["award", "starts_at"], name="award_period_once")]

    def __str__(self) -> str:
        return f"{self.award} {self.starts_at}"


class Nomination(models.Model):
    """Each site's part of the spot position, fixed when the award is scheduled; settlement uses it."""

    award = models.ForeignKey(Award, on_delete=models.CASCADE, related_name="nominations")
    site = models.ForeignKey("aggregator.Site", on_delete=models.PROTECT, related_name="+")
    injection_wh = models.BinaryField()  # int64 per period of the delivery day

    class Meta:
        constraints = [models.UniqueConstraint(fields=["award", "site"], name="nomination_once")]

    def __str__(self) -> str:
        return f"{self.award} {self.site}"

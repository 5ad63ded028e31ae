"""Plans, the setpoints they consist of, and whether those were really followed."""

from django.db import models
from django.db.models import F, Q

from aggregator.assets.models import Asset, Portfolio
from aggregator.dispatch.models._runs import OptimisationRun
from aggregator.forecasts.models import ForecastRun
from aggregator.gateways.models import Gateway
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified

PURPOSES = ("schedule", "instruction", "redispatch", "replan", "stop")
SETPOINT_KINDS = ("injection_kw", "import_limit_kw", "export_limit_kw")

# What the controller claims ...
SETPOINT = Lifecycle(
    "setpoint",
    {
        "planned": ("sent", "superseded", "expired"),
        "sent": ("accepted", "rejected", "superseded", "expired"),
        "accepted": ("superseded",),
        "rejected": ("superseded",),
        "expired": (),
        "superseded": (),
    },
)
# ... and what telemetry shows. Only this decides.
OUTCOMES = ("pending", "followed", "contradicted", "unverified")
DELIVERY = Lifecycle("setpoint delivery", {"pending": ("delivered", "failed", "pending"), "delivered": (), "failed": ()})


class DispatchPlan(Identified):
    """Per-period targets of a portfolio split over its assets. `reference` is opaque to this topic."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="plans")
    purpose = models.CharField(max_length=12, choices=[(p, p) for p in PURPOSES])
    reference = models.CharField(max_length=120)
    sequence = models.PositiveIntegerField()  # of the portfolio's plans; the highest valid one rules
    issued_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    n_periods = models.PositiveIntegerField()
    target_kw = models.BinaryField(blank=True)  # injection; NaN where no target
    planned_kw = models.BinaryField()  # injection of the portfolio, uncontrolled members included
    shortfall_kw = models.BinaryField(blank=True)  # target - planned where short, >= 0
    site_kw = models.JSONField(default=dict)  # {site public_id: [injection_kw per period]}
    explanations = models.JSONField(default=list)  # [{asset, starts_at, reason, limit, price_cny_per_kwh}]
    relaxed_limits = models.JSONField(default=list)  # owner limits given way: [{owner, limit, by_kw}]
    solver_status = models.CharField(max_length=20)  # optimal, at_gap, timeout, fallback
    run = models.OneToOneField(OptimisationRun, null=True, on_delete=models.PROTECT, related_name="plan")  # null: a stop
    objective_cny = models.FloatField(null=True)
    violations = models.JSONField(default=list)  # of the independent checker; a plan with any is not sent
    notes = models.JSONField(default=list)  # degradations: [{asset, note}], e.g. a stale state of charge
    # Null where nothing was forecast (a stop). `inputs` holds the arguments, so that a plan can be made again.
    forecast_run = models.ForeignKey(ForecastRun, null=True, on_delete=models.PROTECT, related_name="plans")
    inputs = models.JSONField(default=dict)
    inputs_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "sequence"], name="plan_sequence"),
            models.UniqueConstraint(fields=["portfolio", "purpose", "reference"], name="plan_once"),
            models.CheckConstraint(condition=Q(purpose__in=PURPOSES), name="plan_purpose"),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} #{self.sequence} {self.purpose}"


class Setpoint(Identified):
    """One asset, one period. Injection-positive for injection_kw; limits are >= 0 by direction."""

    plan = models.ForeignKey(DispatchPlan, on_delete=models.CASCADE, related_name="setpoints")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="setpoints")
    kind = models.CharField(max_length=20, choices=[(k, k) for k in SETPOINT_KINDS])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    value_kw = models.FloatField()
    planned_kw = models.FloatField(null=True)  # injection that the plan expects of the asset; null in a stop
    fallback_kw = models.FloatField()
    reason = models.CharField(max_length=40)  # reason code, both texts in vpp/texts/codes.py
    limit = models.CharField(max_length=40, blank=True)  # binding limit
    state = models.CharField(max_length=12, choices=SETPOINT.choices, default="planned")
    acknowledge_by = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=[(o, o) for o in OUTCOMES], default="pending")
    measured_kw = models.FloatField(null=True)
    tolerance_kw = models.FloatField(null=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["starts_at", "asset"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "asset", "starts_at"], name="setpoint_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="setpoint_window"),
            models.CheckConstraint(condition=Q(state__in=SETPOINT.states), name="setpoint_state"),
            models.CheckConstraint(condition=Q(outcome__in=OUTCOMES), name="setpoint_outcome"),
            models.CheckConstraint(condition=Q(kind="injection_kw") | Q(value_kw__gte=0), name="setpoint_limit_sign"),
        ]
        indexes = [
            models.Index(fields=["outcome", "starts_at"], name="setpoint_to_check"),
            models.Index(fields=["asset", "starts_at"], name="setpoint_of_asset"),
        ]

    def __str__(self) -> str:
        return f"{self.asset} {self.starts_at:%H:%M} {self.value_kw:.1f}"


class SetpointDelivery(models.Model):
    """One signed message with all setpoints of a plan for one gateway."""

    plan = models.ForeignKey(DispatchPlan, on_delete=models.CASCADE, related_name="deliveries")
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="deliveries")
    message_id = models.CharField(max_length=80, unique=True)
    body = models.BinaryField()  # written once: a repeated send is the same bytes under the same id
    state = models.CharField(max_length=10, choices=DELIVERY.choices, default="pending")
    attempts = models.PositiveSmallIntegerField(default=0)
    last_status = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "gateway"], name="setpoint_delivery_once"),
            models.CheckConstraint(condition=Q(state__in=DELIVERY.states), name="setpoint_delivery_state"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.gateway}"


class Acknowledgement(models.Model):
    """A claim of the controller; never evidence."""

    setpoint = models.ForeignKey(Setpoint, on_delete=models.CASCADE, related_name="acknowledgements")
    state = models.CharField(max_length=10, choices=[("accepted", "accepted"), ("rejected", "rejected")])
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["setpoint", "state"], name="acknowledgement_once")]

    def __str__(self) -> str:
        return f"{self.setpoint} {self.state}"

"""Plans, the setpoints they consist of, and whether those were really followed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from aggregator.assets.models import Asset, Portfolio
from aggregator.dispatch.domain import STATUSES
from aggregator.forecasts.models import ForecastRun
from aggregator.gateways.models import Gateway
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified

PURPOSES = ("schedule", "instruction", "redispatch", "replan", "stop")
RUN_PURPOSES = ("bid", "schedule", "instruction", "redispatch", "replan", "fleet")
RUN_MODES = ("reference", "fleet", "sharded", "curves", "fast")
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


class OptimisationRun(Identified):
    """One computation of the optimiser with the certificate of its result; money [CNY], cost = what is minimised.

    No plan of these inputs costs less than `lower_bound_cny` (null: no bound is known). `safe_cost_cny`: what the safe plan
    costs. `stages`: wall seconds. `limits`: what bound the plan and what one more unit of it is worth,
    [{limit, subject, starts_at, periods, price, unit}], the dearest first.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="optimisation_runs")
    purpose = models.CharField(max_length=12, choices=[(p, p) for p in RUN_PURPOSES])
    reference = models.CharField(max_length=120)
    computed_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    n_periods = models.PositiveIntegerField()
    n_assets = models.PositiveIntegerField()
    n_sites = models.PositiveIntegerField()
    mode = models.CharField(max_length=10, choices=[(m, m) for m in RUN_MODES])
    status = models.CharField(max_length=10, choices=[(s, s) for s in STATUSES])
    solver = models.CharField(max_length=20, blank=True)
    cost_cny = models.FloatField()
    lower_bound_cny = models.FloatField(null=True)
    safe_cost_cny = models.FloatField(null=True)
    stages = models.JSONField(default=dict)
    limits = models.JSONField(default=list)
    violations = models.PositiveIntegerField(default=0)  # found by the independent checker
    details = models.JSONField(default=dict)  # of its purpose: split rule and evenness, scenarios and risk, shards
    inputs_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-computed_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=RUN_PURPOSES), name="optimisation_run_purpose"),
            models.CheckConstraint(condition=Q(mode__in=RUN_MODES), name="optimisation_run_mode"),
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="optimisation_run_status"),
        ]
        indexes = [models.Index(fields=["portfolio", "-computed_at"], name="optimisation_run_newest")]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.purpose} {self.computed_at}"


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


class GlobalStop(Identified):
    """While one is active no plan is sent and every asset is at its fallback."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="stops")
    activated_at = models.DateTimeField()
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason_code = models.CharField(max_length=40)
    reason_text = models.TextField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio"], condition=Q(released_at=None), name="one_active_stop")]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.activated_at}"


class ParetoReport(Identified):
    """What less carbon, or more use of own generation, costs on a portfolio's day; see docs/pareto.md.

    `points`: by cost; `paths`: indices of the points that lead from the cheapest plan to one aim; `dropped`: plans that were found
    and are no points, each with why. `factor_kg_per_kwh` per period; empty where no emission factor is known.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="pareto_reports")
    day = models.DateField()
    computed_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    n_periods = models.PositiveIntegerField()
    forecast_run = models.ForeignKey(ForecastRun, on_delete=models.PROTECT, related_name="pareto_reports")
    factor_source = models.CharField(max_length=200, blank=True)
    factor_kg_per_kwh = models.JSONField(default=list)
    points = models.JSONField(default=list)
    paths = models.JSONField(default=dict)
    dropped = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    seconds = models.FloatField()
    inputs_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-computed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["portfolio", "day", "inputs_hash"], name="pareto_report_once")]
        indexes = [models.Index(fields=["portfolio", "day", "-computed_at"], name="pareto_report_newest")]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.day}"


FLEET_RUN = Lifecycle(
    "fleet run",
    {
        "summing": ("guiding", "failed"),
        "guiding": ("settling", "failed"),
        "settling": ("closing", "failed"),
        "closing": ("done", "failed"),
        "done": (),
        "failed": (),
    },
)
FLEET_SHARD = Lifecycle(
    "fleet shard",
    {
        "inputs": ("summed",),
        "summed": ("guided",),
        "guided": ("settled",),
        "settled": ("closed",),
        "closed": (),
    },
)


class FleetRun(Identified):
    """A fleet planned in shards by many processes: what all shards share. Every step is a state of rows, see docs/scaling.md.

    `turn`: number of the shard whose true sweeps come next; `portfolio_kw`: what all shards inject by now, float64 (n,).
    `market`, `mu`: arrays as fleet/shard_bytes.py packs them; mu is empty until the market is priced, and where no solver did.
    `stages`: wall seconds of the steps that are over. `optimisation`: the result with its certificate, once done.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="fleet_runs")
    reference = models.CharField(max_length=120)
    starts_at = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    n_periods = models.PositiveIntegerField()
    n_shards = models.PositiveIntegerField(default=0)
    seed = models.PositiveIntegerField()
    deadline_s = models.FloatField()  # of the market's programme
    market = models.BinaryField()
    inputs_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=FLEET_RUN.choices, default="summing")
    stage_at = models.DateTimeField()  # wall time at which this state began
    stages = models.JSONField(default=dict)
    mu = models.BinaryField(default=bytes)
    market_solved = models.BooleanField(default=False)
    turn = models.PositiveIntegerField(default=0)
    portfolio_kw = models.BinaryField(default=bytes)
    error = models.TextField(blank=True)
    optimisation = models.OneToOneField(OptimisationRun, null=True, on_delete=models.PROTECT, related_name="fleet_run")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "reference"], name="fleet_run_once"),
            models.CheckConstraint(condition=Q(state__in=FLEET_RUN.states), name="fleet_run_state"),
            models.CheckConstraint(condition=~Q(state="done") | Q(optimisation__isnull=False), name="fleet_run_done_has_result"),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.reference} in {self.n_shards}: {self.state}"


class FleetShard(models.Model):
    """Some enterprises' assets in a fleet run. Byte columns are arrays as fleet/shard_bytes.py packs them, exact.

    inputs -> summed (`sums`) -> guided (`moves`, `prices`, `bound_cny`) -> settled (`moves`) -> closed (`generation_kw`,
    money, violations). `moves` and `generation_kw` of a closed shard are the plan, the same bytes that were checked.
    """

    run = models.ForeignKey(FleetRun, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    enterprises = models.JSONField(default=list)
    n_assets = models.PositiveIntegerField()
    n_sites = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=FLEET_SHARD.choices, default="inputs")
    inputs = models.BinaryField()
    inputs_hash = models.CharField(max_length=64)
    sums = models.BinaryField(default=bytes)
    prices = models.BinaryField(default=bytes)
    moves = models.BinaryField(default=bytes)
    injection_kw = models.BinaryField(default=bytes)  # in the sweeps' count, float64 (n,)
    bound_cny = models.FloatField(null=True)  # null: no solver gave prices
    generation_kw = models.BinaryField(default=bytes)
    plan_hash = models.CharField(max_length=64, blank=True)
    cost_cny = models.FloatField(null=True)  # without the market
    safe_cost_cny = models.FloatField(null=True)
    portfolio_kw = models.BinaryField(default=bytes)  # what the plan injects, float64 (n,)
    safe_portfolio_kw = models.BinaryField(default=bytes)
    violations = models.JSONField(default=list)  # the first ones that the checker found
    n_violations = models.PositiveIntegerField(default=0)
    seconds = models.JSONField(default=dict)  # of work, per step

    class Meta:
        ordering = ["run", "number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="fleet_shard_once"),
            models.CheckConstraint(condition=Q(state__in=FLEET_SHARD.states), name="fleet_shard_state"),
        ]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.run_id}: {self.state}"

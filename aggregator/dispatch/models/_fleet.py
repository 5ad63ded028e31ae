"""Fleets that are planned in shards."""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Portfolio
from aggregator.dispatch.models._runs import OptimisationRun
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified

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

"""Computations of the optimiser."""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Portfolio
from aggregator.dispatch.domain import STATUSES
from aggregator.support.models import Identified

RUN_PURPOSES = ("bid", "schedule", "instruction", "redispatch", "replan", "fleet")
RUN_MODES = ("reference", "fleet", "sharded", "curves", "fast")


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

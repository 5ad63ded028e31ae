"""What a portfolio's day is planned for, and what other aims would cost."""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Portfolio
from aggregator.forecasts.models import ForecastRun
from aggregator.support.models import Identified


class DeclaredObjective(models.Model):
    """What a portfolio's days are planned for from `valid_from` on, until a later row: money, and what else is weighed in.

    `grid_kg_per_kwh` with its source, both given by whoever declares a carbon price. All zero: money alone.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="objectives")
    valid_from = models.DateField()
    carbon_price_cny_per_kg = models.FloatField(default=0.0)
    grid_kg_per_kwh = models.FloatField(null=True)
    factor_source = models.CharField(max_length=200, blank=True)
    self_consumption_cny_per_mwh = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "valid_from"], name="declared_objective_once"),
            models.CheckConstraint(
                condition=Q(carbon_price_cny_per_kg__gte=0, self_consumption_cny_per_mwh__gte=0), name="declared_objective_prices"
            ),
            models.CheckConstraint(
                condition=Q(carbon_price_cny_per_kg=0) | Q(grid_kg_per_kwh__gt=0) & ~Q(factor_source=""), name="declared_objective_factor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} from {self.valid_from}"


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

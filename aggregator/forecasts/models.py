"""What we thought, when: one run per portfolio and issue time; arrays as float32 bytes.

Rows without an asset have a conditional constraint of their own: SQLite takes every NULL for different.
"""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Asset, Portfolio
from aggregator.enterprises.models import Park
from aggregator.support.models import Identified

LEVELS = ("firm", "expected", "optimistic")


class WeatherForecast(models.Model):
    """One local day of one weather forecast, for a park or one of its assets (asset null = the park).

    `values` is float32, one block of clock slots per name in `columns`. A later issue is another row.
    """

    park = models.ForeignKey(Park, on_delete=models.CASCADE, related_name="weather_forecasts")
    asset = models.ForeignKey(Asset, null=True, on_delete=models.CASCADE, related_name="weather_forecasts")
    day = models.DateField()
    available_at = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    columns = models.JSONField()
    values = models.BinaryField()
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["day", "available_at"]
        constraints = [
            models.UniqueConstraint(fields=["park", "asset", "day", "available_at"], name="weather_forecast_once"),
            models.UniqueConstraint(fields=["park", "day", "available_at"], condition=Q(asset=None), name="weather_forecast_park_once"),
        ]

    def __str__(self) -> str:
        return f"{self.park} {self.asset or ''} {self.day}"


class ForecastState(models.Model):
    """What one kind of a portfolio's assets had taught by the end of `day`: the engine's arrays, and the errors of the sum.

    Built anew from the telemetry known at `built_at` up to `built_day`, then a day at a time with what was known when it had
    matured: with these two the same bytes can be made again.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="forecast_states")
    kind = models.CharField(max_length=30)
    shard = models.PositiveIntegerField(default=0)
    resolution_s = models.PositiveIntegerField()
    model_version = models.CharField(max_length=40)
    day = models.DateField()
    built_at = models.DateTimeField()
    built_day = models.DateField()
    asset_ids = models.JSONField()
    arrays = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "kind", "shard", "resolution_s", "model_version", "day"], name="forecast_state_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.kind} {self.shard} {self.day}"


class ForecastRun(Identified):
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="forecast_runs")
    issued_at = models.DateTimeField()
    available_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    n_periods = models.PositiveIntegerField()
    model_version = models.CharField(max_length=40)
    inputs_hash = models.CharField(max_length=64)
    notes = models.JSONField(default=list)  # degradations, in codes

    class Meta:
        ordering = ["-issued_at"]
        constraints = [models.UniqueConstraint(fields=["portfolio", "issued_at", "starts_at"], name="forecast_run_once")]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.issued_at:%Y-%m-%d %H:%M}"


class QuantileForecast(models.Model):
    """kW injection: the mean, and P10, P50, P90 of *injection* (house sign). asset null = the portfolio."""

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="quantiles")
    asset = models.ForeignKey(Asset, null=True, on_delete=models.CASCADE, related_name="quantile_forecasts")
    mean_kw = models.BinaryField()
    p10_kw = models.BinaryField()
    p50_kw = models.BinaryField()
    p90_kw = models.BinaryField()
    persistence_kw = models.BinaryField()  # the reference it is scored against
    quality = models.CharField(max_length=20, default="good")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "asset"], name="quantile_forecast_once"),
            models.UniqueConstraint(fields=["run"], condition=Q(asset=None), name="quantile_forecast_portfolio_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.asset}"


class AvailabilityForecast(models.Model):
    """The envelope of one asset (null = portfolio) at one level; see forecasts/domain."""

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="envelopes")
    asset = models.ForeignKey(Asset, null=True, on_delete=models.CASCADE, related_name="availability_forecasts")
    level = models.CharField(max_length=10, choices=[(x, x) for x in LEVELS])
    base_kw = models.BinaryField()
    min_kw = models.BinaryField()
    max_kw = models.BinaryField()
    min_kwh = models.BinaryField()
    max_kwh = models.BinaryField()
    notice_s = models.PositiveIntegerField(default=0)
    max_on_s = models.PositiveIntegerField(null=True)
    quality = models.CharField(max_length=20, default="good")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "asset", "level"], name="availability_once"),
            models.UniqueConstraint(fields=["run", "level"], condition=Q(asset=None), name="availability_portfolio_once"),
            models.CheckConstraint(condition=Q(level__in=LEVELS), name="availability_level"),
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.asset} {self.level}"


class ForecastScore(models.Model):
    """How a day-ahead run did, once the day is known. Null = could not be computed (reason beside)."""

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="scores")
    kind = models.CharField(max_length=30)  # asset kind, or "portfolio"
    nmae_ratio = models.FloatField(null=True)
    nmae_persistence_ratio = models.FloatField(null=True)
    coverage_p10_p90_ratio = models.FloatField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="forecast_score_once")]

    def __str__(self) -> str:
        return f"{self.run} {self.kind}"

"""Operational kW. Hot: narrow keyed rows, day partitions on PostgreSQL. Cold: a row per asset, day, series.

On PostgreSQL TelemetrySample is created by migration as a table PARTITION BY RANGE (at); on SQLite
it is an ordinary table with the same columns.
"""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Asset

SERIES = ("injection_kw", "soc_ratio", "connected_count")
QUALITIES = {0: "good", 1: "missing", 2: "flatline", 3: "spike", 4: "out_of_range"}  # 1 to 3 in folded days only


class TelemetrySample(models.Model):
    pk = models.CompositePrimaryKey("asset_id", "at")
    asset_id = models.BigIntegerField()  # no foreign key: 100 million rows; the ingest checks identity
    at = models.DateTimeField()  # start of the sampled interval
    injection_kw = models.FloatField(null=True)  # mean over the interval
    soc_ratio = models.FloatField(null=True)  # at the end of the interval
    resolution_s = models.SmallIntegerField()  # length of the interval
    quality = models.SmallIntegerField(default=0)
    received_at = models.DateTimeField()


class TelemetryDay(models.Model):
    """One folded (or imported) day of one series as float32 bytes; NaN = missing."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="telemetry_days")
    day = models.DateField()
    starts_at = models.DateTimeField()  # local midnight of the park, so that a reader needs no zone
    series = models.CharField(max_length=20, choices=[(s, s) for s in SERIES])
    resolution_s = models.PositiveIntegerField()
    values = models.BinaryField()
    quality = models.BinaryField(blank=True)  # uint8 per value
    source = models.CharField(max_length=200, blank=True)
    available_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "day", "series"], name="telemetry_day_once"),
            models.CheckConstraint(condition=Q(series__in=SERIES), name="telemetry_day_series"),
        ]

    def __str__(self) -> str:
        return f"{self.asset} {self.day} {self.series}"


class ChargingSession(models.Model):
    """One stay of one car. Open while plugged_out_at is null; available_at = when its plug-in was known."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="charging_sessions")
    session_key = models.CharField(max_length=80)
    user_key = models.CharField(max_length=80, blank=True)
    plugged_in_at = models.DateTimeField()
    plugged_out_at = models.DateTimeField(null=True)
    energy_kwh = models.FloatField(null=True)  # charged so far; final when plugged out
    need_kwh = models.FloatField(null=True)  # asked for at plug-in, where the driver told
    available_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asset", "session_key"], name="charging_session_once")]

    def __str__(self) -> str:
        return self.session_key

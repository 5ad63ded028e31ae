"""Settlement-grade kWh: a row per metering point, local day and revision."""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Asset
from aggregator.enterprises.models import Site
from aggregator.support.models import Identified

POINT_KINDS = ("connection", "asset")


class MeteringPoint(Identified):
    """`connection` = the site's grid connection (ownership boundary); `asset` = sub-meter of one asset."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="metering_points")
    asset = models.OneToOneField(Asset, null=True, blank=True, on_delete=models.PROTECT, related_name="metering_point")
    code = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=12, choices=[(k, k) for k in POINT_KINDS])

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="connection", asset=None) | Q(kind="asset", asset__isnull=False), name="metering_point_kind"
            )
        ]

    def __str__(self) -> str:
        return self.code


class MeterReading(models.Model):
    """One local day: int64 watt-hours per period (exact to 0.001 kWh); missing = arrays.MISSING_I8.

    Unsigned by direction: import is taken from the grid, export is fed into it. A later value is a
    new revision; nothing is edited.
    """

    metering_point = models.ForeignKey(MeteringPoint, on_delete=models.PROTECT, related_name="readings")
    day = models.DateField()
    revision = models.PositiveSmallIntegerField()
    resolution_s = models.PositiveIntegerField()
    import_wh = models.BinaryField()
    export_wh = models.BinaryField()
    quality = models.CharField(max_length=12, default="measured")  # measured, estimated, synthetic
    source = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    available_at = models.DateTimeField()

    class Meta:
        ordering = ["metering_point", "day", "revision"]
        constraints = [models.UniqueConstraint(fields=["metering_point", "day", "revision"], name="meter_reading_once")]

    def __str__(self) -> str:
        return f"{self.metering_point} {self.day} r{self.revision}"

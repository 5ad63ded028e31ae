"""Published market prices: one row per park, market, day and revision."""

from django.db import models
from django.db.models import Q

from aggregator.enterprises.models import Park

MARKETS = ("day_ahead", "real_time")


class PriceCurve(models.Model):
    """int64 of 0.0001 CNY/MWh per period; zero and negative are prices, MISSING_I8 is missing."""

    park = models.ForeignKey(Park, on_delete=models.CASCADE, related_name="price_curves")
    market = models.CharField(max_length=12, choices=[(m, m) for m in MARKETS])
    day = models.DateField()
    revision = models.PositiveSmallIntegerField(default=1)
    resolution_s = models.PositiveIntegerField()
    prices = models.BinaryField()
    source = models.CharField(max_length=200)
    synthetic = models.BooleanField()
    available_at = models.DateTimeField()

    class Meta:
        ordering = ["day", "market", "revision"]
        constraints = [
            models.UniqueConstraint(fields=["park", "market", "day", "revision"], name="price_curve_once"),
            models.CheckConstraint(condition=Q(market__in=MARKETS), name="price_curve_market"),
        ]

    def __str__(self) -> str:
        return f"{self.park} {self.market} {self.day}"

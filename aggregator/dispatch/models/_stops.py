"""While a stop is active nothing is sent."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from aggregator.assets.models import Portfolio
from aggregator.support.models import Identified


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

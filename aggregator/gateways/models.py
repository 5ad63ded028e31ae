"""The box on site that takes setpoints and sends telemetry."""

from django.db import models

from aggregator.assets.models import Asset
from aggregator.enterprises.models import Site
from aggregator.support.models import Identified


class Gateway(Identified):
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="gateways")
    code = models.SlugField(max_length=60)
    endpoint_url = models.URLField(max_length=300, blank=True)
    # Exact loopback host:port of the park twin, approved by staff; refused in production.
    loopback_exception = models.CharField(max_length=60, blank=True)
    sealed_secret = models.TextField(blank=True)  # signs setpoints (support.secrets)
    api_key_prefix = models.CharField(max_length=16, unique=True, null=True, blank=True)
    api_key_sha256 = models.CharField(max_length=64, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="gateway_code")]

    def __str__(self) -> str:
        return self.code


class Channel(models.Model):
    """Which gateway speaks for which asset."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="channels")
    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, related_name="channel")

    def __str__(self) -> str:
        return f"{self.gateway} {self.asset}"

"""Rule packs: a province's figures as reviewed, versioned data; and which pack a park lives under."""

from django.db import models
from django.db.models import F, Q

from aggregator.enterprises.models import Park
from aggregator.support.models import Identified

RELIABILITIES = ("official", "reported", "unconfirmed", "synthetic")


class RulePack(Identified):
    """One version of one pack; `data` is what market/rules/domain validates, overlays already laid."""

    code = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    province = models.CharField(max_length=20)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    document = models.CharField(max_length=200, blank=True)
    reliability = models.CharField(max_length=12, choices=[(r, r) for r in RELIABILITIES])
    data = models.JSONField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["code", "version"]
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_pack_version"),
            models.CheckConstraint(condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="rule_pack_dates"),
            models.CheckConstraint(condition=Q(reliability__in=RELIABILITIES), name="rule_pack_reliability"),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class ParkPack(models.Model):
    """The pack (all its versions) that a park lives under."""

    park = models.OneToOneField(Park, on_delete=models.CASCADE, related_name="rule_pack")
    pack_code = models.CharField(max_length=60)

    def __str__(self) -> str:
        return f"{self.park} {self.pack_code}"

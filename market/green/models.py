"""Generation matched to load, period by period: each Wh has one owner."""

from django.db import models
from django.db.models import Q

from aggregator.enterprises.models import Enterprise, Park
from aggregator.metering.models import MeteringPoint
from aggregator.support.models import Identified

PATHS = ("on_site", "own_enterprise", "neighbour", "unmatched")


class GreenMatchRun(Identified):
    """One matching of one park's day; a later reading makes the next version."""

    park = models.ForeignKey(Park, on_delete=models.PROTECT, related_name="green_runs")
    delivery_day = models.DateField()
    version = models.PositiveSmallIntegerField()
    as_of = models.DateTimeField()
    resolution_s = models.PositiveIntegerField()
    inputs_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["park", "delivery_day", "version"], name="green_run_once")]

    def __str__(self) -> str:
        return f"{self.park} {self.delivery_day} v{self.version}"


class GreenMatch(models.Model):
    """int64 Wh per period from one generation meter to one consumer (null = unmatched rest)."""

    run = models.ForeignKey(GreenMatchRun, on_delete=models.CASCADE, related_name="matches")
    generation_point = models.ForeignKey(MeteringPoint, on_delete=models.PROTECT, related_name="+")
    consumer = models.ForeignKey(Enterprise, null=True, on_delete=models.PROTECT, related_name="green_matches")
    path = models.CharField(max_length=16, choices=[(p, p) for p in PATHS])
    wh = models.BinaryField()
    total_wh = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "generation_point", "consumer", "path"], name="green_match_once"),
            models.UniqueConstraint(fields=["run", "generation_point"], condition=Q(consumer=None), name="green_match_unmatched_once"),
            models.CheckConstraint(
                condition=Q(path="unmatched", consumer=None) | (~Q(path="unmatched") & Q(consumer__isnull=False)), name="green_match_path"
            ),
            models.CheckConstraint(condition=Q(total_wh__gte=0), name="green_match_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.run} {self.generation_point} {self.consumer}"


class GreenLoad(models.Model):
    """int64 Wh per period that an enterprise consumed in a run; MISSING_I8 where a meter is missing."""

    run = models.ForeignKey(GreenMatchRun, on_delete=models.CASCADE, related_name="loads")
    enterprise = models.ForeignKey(Enterprise, on_delete=models.PROTECT, related_name="green_loads")
    wh = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "enterprise"], name="green_load_once")]

    def __str__(self) -> str:
        return f"{self.run} {self.enterprise}"

"""The grid's orders to the portfolio."""

from django.db import models
from django.db.models import F, Q

from aggregator.assets.models import Portfolio
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified
from market.bids.models import Award
from market.platforms.models import Platform

INSTRUCTION = Lifecycle(
    "dispatch instruction",
    {
        "received": ("executing", "refused", "cancelled"),
        "executing": ("completed", "cancelled"),
        "completed": (),
        "refused": (),
        "cancelled": (),
    },
)


class DispatchInstruction(Identified):
    """Change of injection above baseline, up positive, for [starts_at, ends_at)."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="instructions")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="instructions")
    award = models.ForeignKey(Award, on_delete=models.PROTECT, related_name="instructions")
    reference = models.CharField(max_length=80)
    issued_at = models.DateTimeField()
    received_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    injection_change_kw = models.FloatField()
    baseline_kw = models.BinaryField(blank=True)  # portfolio injection per period of the window
    state = models.CharField(max_length=12, choices=INSTRUCTION.choices, default="received")
    state_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "reference"], name="instruction_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="instruction_window"),
            models.CheckConstraint(condition=Q(state__in=INSTRUCTION.states), name="instruction_state"),
        ]

    def __str__(self) -> str:
        return self.reference

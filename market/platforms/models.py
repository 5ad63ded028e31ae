"""Market and grid platforms, and every message both ways."""

from django.db import models
from django.db.models import Q

from aggregator.assets.models import Portfolio
from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.models import Identified

INBOUND = Lifecycle(
    "inbound message",
    {
        "received": ("processing",),
        "processing": ("processing", "done", "failed", "dead"),  # again where its worker died
        "failed": ("processing", "dead", "received"),  # tried again by its job
        "dead": ("received",),  # by hand only
        "ignored": ("received",),
        "done": (),
    },
)
OUTBOUND = Lifecycle(
    "outbound message",
    {
        "pending": ("sending", "expired"),
        "sending": ("sending", "delivered", "pending", "dead", "expired"),  # again where its lease ran out
        "dead": ("pending",),  # by hand only
        "delivered": (),
        "expired": (),
    },
)
STOP_REASONS = ("gone", "failing")


class Platform(Identified):
    """One market account: where we send, and how its messages to us are authenticated."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="platforms")
    code = models.SlugField(max_length=60, unique=True)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    endpoint_url = models.URLField(max_length=300, blank=True)
    loopback_exception = models.CharField(max_length=60, blank=True)
    sealed_secret = models.TextField(blank=True)  # whsec_..., both directions
    sealed_previous_secret = models.TextField(blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    # What the endpoint's answers say: five failures in a row pause it, a hundred or three days stop it.
    failures_in_row = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    stopped_reason = models.CharField(max_length=20, blank=True, choices=[(r, r) for r in STOP_REASONS])

    def __str__(self) -> str:
        return self.code


class InboundMessage(Identified):
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="inbound")
    message_id = models.CharField(max_length=120)
    type = models.CharField(max_length=60)
    body = models.BinaryField()
    body_sha256 = models.CharField(max_length=64)
    headers = models.JSONField(default=dict)  # secrets masked
    received_at = models.DateTimeField()
    duplicates = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=12, choices=INBOUND.choices, default="received")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "message_id"], name="inbound_once"),
            models.CheckConstraint(condition=Q(state__in=INBOUND.states), name="inbound_state"),
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.type} {self.message_id}"


class OutboundMessage(Identified):
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="outbound")
    message_id = models.CharField(max_length=120, unique=True)
    type = models.CharField(max_length=60)
    reference = models.CharField(max_length=120)  # what it is about; one message per (platform, type, reference)
    body = models.BinaryField()  # serialised once; the same bytes are stored, signed and sent
    state = models.CharField(max_length=12, choices=OUTBOUND.choices, default="pending")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)  # wall time; null = at once
    lease_until = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "type", "reference"], name="outbound_once"),
            models.CheckConstraint(condition=Q(state__in=OUTBOUND.states), name="outbound_state"),
        ]
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="outbound_due")]

    def __str__(self) -> str:
        return f"{self.platform} {self.type} {self.message_id}"


class DeliveryAttempt(models.Model):
    message = models.ForeignKey(OutboundMessage, on_delete=models.CASCADE, related_name="delivery_attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)  # HTTP status; null = no answer
    milliseconds = models.PositiveIntegerField()
    answer = models.CharField(max_length=2000, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="delivery_attempt_once")]

    def __str__(self) -> str:
        return f"{self.message} #{self.number}"

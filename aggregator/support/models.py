"""Django plumbing that every topic shares: identities, jobs, the audit chain, alarms, the replay clock."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from aggregator.kernel.lifecycle import Lifecycle
from aggregator.support.ids import uuid7

JOB = Lifecycle(
    "job",
    {
        "pending": ("running",),
        "running": ("done", "pending", "dead"),
        "done": (),
        "dead": ("pending",),
    },
)
SEVERITIES = ("info", "warning", "critical")


class Identified(models.Model):
    """A bigint key inside, a public_id outside."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Job(Identified):
    """Intent to run one task: the row is the truth, Celery only rings the bell."""

    name = models.CharField(max_length=120)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JOB.choices, default="pending")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    ring_at = models.DateTimeField()  # the sweeper rings an unfinished row again from then on
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    progress_ratio = models.FloatField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["name", "key"], name="job_once"),
            models.CheckConstraint(condition=Q(state__in=JOB.states), name="job_state"),
        ]
        indexes = [models.Index(fields=["state", "ring_at"], name="job_due")]

    def __str__(self) -> str:
        return f"{self.name} {self.key}: {self.state}"


class AuditEvent(models.Model):
    """Append-only, hash-chained: who moved power or money by hand, and why. Triggers (migration 0005) refuse the rest."""

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=200)
    reason_code = models.CharField(max_length=40)
    reason_text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RuntimeError("an audit event is never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise RuntimeError("an audit event is never deleted")


class AuditHead(models.Model):
    """One row that says how long the audit chain is: an event that is cut off its end is missed here.

    Triggers (migration 0005) let it only go on, one event at a time.
    """

    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="audit_head_once")]

    def __str__(self) -> str:
        return f"{self.sequence}"


class Alarm(Identified):
    """Something that a person should look at; one row per (kind, key) that is still open."""

    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    severity = models.CharField(max_length=10, choices=[(s, s) for s in SEVERITIES])
    raised_at = models.DateTimeField()
    fields = models.JSONField(default=dict)
    enterprise_code = models.CharField(max_length=60, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-raised_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="alarm_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class ReplayClock(models.Model):
    """Business time while a day is replayed; absent in real operation."""

    at = models.DateTimeField()


class Heartbeat(models.Model):
    """Last sign of life of a long-running part (beat, worker, ingest)."""

    part = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()

"""What the twin has to remember when its process ends: messages it took, and days it has played."""

from django.db import models

from aggregator.enterprises.models import Park


class TwinMessage(models.Model):
    """A signed message that a simulated gateway or the operator accepted, kept before it was answered.

    Played again from the start, a broken-off day takes the same messages at the same business time.
    """

    park = models.ForeignKey(Park, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    receiver = models.CharField(max_length=80)
    message_id = models.CharField(max_length=120)
    received_at = models.DateTimeField()
    body = models.BinaryField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["receiver", "message_id"], name="twin_message_once")]

    def __str__(self) -> str:
        return f"{self.receiver} {self.message_id}"


class ReplayedDay(models.Model):
    """A delivery day that was played to its end, with what only the twin can know about it."""

    park = models.ForeignKey(Park, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    seed = models.IntegerField()
    steps = models.JSONField(default=list)  # [{name, seconds}] wall time
    violations = models.JSONField(default=list)  # of the independent check of the plant's trace
    ways = models.JSONField(default=dict)  # costs without, with, perfect; self-consumption; reasons where not known
    states = models.JSONField(default=dict)  # {asset: {"stored_kwh": ...}} at the end of the day
    peak_memory_mib = models.FloatField()
    start_memory_mib = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["park", "day"], name="replayed_day_once")]

    def __str__(self) -> str:
        return f"{self.park} {self.day}"

"""What Django looks for here; the rows belong to the park twin."""

from vpp.twin.models import ReplayedDay, TwinMessage

__all__ = ["ReplayedDay", "TwinMessage"]

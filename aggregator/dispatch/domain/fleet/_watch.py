"""Time of a plan: seconds per stage, and whether any is left. The clock is given, so that a test can hold it."""

from collections.abc import Callable

Clock = Callable[[], float]


class Watch:
    """Wall seconds per stage, of `clock` [s], and until `deadline_s` [s] from now."""

    def __init__(self, clock: Clock, deadline_s: float) -> None:
        self.seconds: dict[str, float] = {}
        self.clock = clock
        self._last = clock()
        self._until = self._last + deadline_s

    def lap(self, stage: str) -> None:
        now = self.clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    @property
    def left_s(self) -> float:
        return max(0.0, self._until - self.clock())

    def is_over(self) -> bool:
        return self.clock() >= self._until

"""State machines as data: states, and the moves that are allowed."""

from dataclasses import dataclass

from aggregator.kernel.errors import Anticipated


class TransitionRefused(Anticipated):
    code = "lifecycle.refused"
    text = "%(what)s is %(current)s and cannot become %(wanted)s."
    status = 409


@dataclass(frozen=True)
class Lifecycle:
    name: str
    moves: dict[str, tuple[str, ...]]

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.moves)

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(state, state) for state in self.moves]

    def sources(self, wanted: str) -> tuple[str, ...]:
        """States from which `wanted` may be reached in one move."""
        return tuple(state for state, targets in self.moves.items() if wanted in targets)

    def check(self, current: str, wanted: str) -> None:
        """Raises TransitionRefused."""
        if wanted not in self.moves[current]:
            raise TransitionRefused(what=self.name, current=current, wanted=wanted)

"""What is wrong with a park folder: every problem, by path and line, before anything is loaded."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aggregator.kernel.errors import Anticipated


@dataclass(frozen=True)
class Problem:
    """One finding. `line` counts from 1: a line of a text file, or a row of a table after its header."""

    code: str
    path: str
    line: int | None
    text: str

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.text} [{self.code}]"


@dataclass
class Findings:
    """Problems refuse the folder; notices (gaps, re-encoded text) only have to be seen."""

    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    def problem(self, code: str, path: object, line: int | None, text: str) -> None:
        self.problems.append(Problem(code, str(path), line, text))

    def notice(self, code: str, path: object, line: int | None, text: str) -> None:
        self.notices.append(Problem(code, str(path), line, text))

    def refuse(self) -> None:
        """Raises ParkRefused if there is any problem."""
        if self.problems:
            raise ParkRefused(self.problems)


class ParkRefused(Anticipated):
    code = "park_folder.refused"
    text = "The park folder has %(count)s problem(s); nothing was loaded. %(listing)s"
    status = 422

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda p: (p.path, p.line or 0, p.code, p.text)))
        super().__init__(count=len(self.problems), listing="; ".join(map(str, self.problems)))

"""Issue after issue over the tested days. What a day of issues came to is kept in a file; a run that goes on reads it."""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from datetime import date
from pathlib import Path

from aggregator.assets.queries import FAR, PortfolioFacts
from aggregator.forecasts.domain import NOTHING, Tally
from aggregator.forecasts.operations import Tallies, compute_availability, tallies_of
from aggregator.kernel.errors import Anticipated
from vpp.backtest.inputs import fingerprint_of
from vpp.backtest.issues import Issue, issues_of
from vpp.backtest.plan import Plan
from vpp.backtest.states import FolderStates, write_whole

Say = Callable[[str, int, int], None]  # what is done now, and how many of how many days of issues are done


class AlreadyRunning(Anticipated):
    code = "backtest.already_running"
    text = "The same backtest is running already."
    status = 409


@dataclass(frozen=True)
class Missed:
    """An issue that said nothing, or to which nothing came: `why` is a code."""

    portfolio: str
    day: date
    what: str
    why: str


@dataclass
class Totals:
    """By (portfolio, horizon, asset id; None = the portfolio), and what was missed."""

    tallies: dict[tuple[str, str, int | None], Tally] = field(default_factory=dict)
    missed: list[Missed] = field(default_factory=list)

    def add(self, portfolio: str, more: Tallies) -> None:
        for horizon, of_assets in more.items():
            for asset_id, one in of_assets.items():
                key = (portfolio, horizon, asset_id)
                self.tallies[key] = self.tallies.get(key, NOTHING) + one

    def plus(self, other: "Totals") -> None:
        for key, one in other.tallies.items():
            self.tallies[key] = self.tallies.get(key, NOTHING) + one
        self.missed += other.missed


def run(plan: Plan, *, root: Path, fresh: bool, say: Say) -> tuple[Totals, str]:
    """All issues of the plan, and the fingerprint of what they were made from. Raises AlreadyRunning."""
    key = fingerprint_of(plan)
    folder = root / plan.park.code / key[:16]
    with _alone(folder):
        if fresh:
            for part in ("days", "states"):
                shutil.rmtree(folder / part, ignore_errors=True)
        states = FolderStates(folder / "states")
        units = [(portfolio, day) for portfolio in plan.portfolios for day in plan.issue_days]
        totals = Totals()
        for done, (portfolio, day) in enumerate(units):
            say(f"{portfolio.code} {day}", done, len(units))
            file = folder / "days" / portfolio.code / f"{day}.json"
            if not file.is_file():
                write_whole(file, _packed(_day(plan, portfolio, day, states)))
            totals.plus(_unpacked(file.read_bytes(), portfolio.code))
        say("", len(units), len(units))
        shutil.rmtree(folder / "states", ignore_errors=True)  # every day is done: nothing goes on from them
    return totals, key


def _day(plan: Plan, portfolio: PortfolioFacts, day: date, states: FolderStates) -> Totals:
    totals = Totals()
    for issue in issues_of(plan, day):
        why = _issue(plan, portfolio, issue, states, totals)
        if why:
            totals.missed.append(Missed(portfolio.code, issue.day, issue.what, why))
    return totals


def _issue(plan: Plan, portfolio: PortfolioFacts, issue: Issue, states: FolderStates, totals: Totals) -> str:
    """Adds what it came to; else says why it came to nothing."""
    try:
        found = compute_availability(portfolio_id=portfolio.id, issued_at=issue.issued_at, grid=issue.grid, states=states, kind=plan.kind)
    except Anticipated as refused:
        return refused.code
    if found.whole.quality == "missing":
        return "no_forecast"
    tallies = tallies_of(found=found, known_at=FAR, periods=issue.periods, with_portfolio=plan.kind is None)
    totals.add(portfolio.code, tallies)
    return "" if any(one.values for of_assets in tallies.values() for one in of_assets.values()) else "no_actual"


def _packed(totals: Totals) -> bytes:
    rows = [[horizon, asset_id, *astuple(one)] for (_, horizon, asset_id), one in totals.tallies.items()]
    missed = [[m.day.isoformat(), m.what, m.why] for m in totals.missed]
    return json.dumps({"tallies": rows, "missed": missed}).encode()


def _unpacked(data: bytes, portfolio: str) -> Totals:
    found = json.loads(data)
    return Totals(
        {(portfolio, horizon, asset_id): Tally(*sums) for horizon, asset_id, *sums in found["tallies"]},
        [Missed(portfolio, date.fromisoformat(day), what, why) for day, what, why in found["missed"]],
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two runs of the same backtest would learn in each other's states."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning from None
        yield

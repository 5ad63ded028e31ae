"""EV stations: plugged cars and kW of a site, day-ahead and in the next hours, and what a car needs at plug-in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.ev import EvStation, Outlook
from aggregator.forecasts.domain.engine.ev_survival import Stays
from aggregator.forecasts.domain.engine.history import History
from aggregator.forecasts.domain.engine.step_model import horizons_of
from vpp.bench.accuracy.ev_data import Sessions, read_sessions
from vpp.bench.accuracy.ev_need import need_figures
from vpp.bench.accuracy.ev_series import Sites, sites_of
from vpp.bench.accuracy.figures import Figure, coverage, mae, rmse, skill
from vpp.bench.accuracy.replay import Replay, replay, shifted

WARM_DAYS = 60
STEPS = {1: "15 min", 4: "1 h", 16: "4 h"}  # at 96 slots
NEXT_GOAL, FAR_GOAL = 0.29, 0.23
NOMINAL, COVERAGE_ROOM = 80.0, 3.0  # [%]
ABSENT = "file absent"
NOTE = f"after {WARM_DAYS} days of the site; weekends are the only days off"
AT_ONCE = "charging at once at 7.2 kW assumed: the files have no power"
SERIES = {"plugged": "cars", "power": "kW", "sheddable": "kW", "waiting": "kWh"}


@dataclass(frozen=True)
class Scored:
    """One quantity of all sites, run day by day: actual (N, D, S) over scale, scored (N, D)."""

    run: Replay
    actual: np.ndarray
    scored: np.ndarray


def measure(data_root: Path, progress: Progress) -> list[Figure]:
    sessions = read_sessions(data_root)
    if sessions is None:
        return [Figure("ev plugged cars", "all", "skill against persistence", None, "", note=ABSENT)]
    sites = sites_of(sessions)
    plugged = outlook_of(sessions, sites, sites.plugged, "plugged", progress)
    found = list(_count_figures(sessions, scored(sessions, sites, "plugged", plugged, progress)))
    charging = outlook_of(sessions, sites, sites.charging, "power", progress)
    for name in ("power", "sheddable", "waiting"):
        found += _energy_figures(sessions, name, scored(sessions, sites, name, charging, progress))
    return [*found, *need_figures(sessions, progress)]


def outlook_of(sessions: Sessions, sites: Sites, stays: Stays, name: str, progress: Progress) -> Outlook:
    """What was expected from every slot, each from the days before alone."""
    days = sessions.days
    outlook = Outlook.none(sites=len(sessions.sites), days=days, horizons=horizons_of(days.slots))
    scale = sites.scale("plugged" if name == "plugged" else "power", WARM_DAYS)
    for day in progress.track(range(days.count), description=f"ev {name}: stays"):
        outlook.advance(stays, scale=scale, known=sites.alive[:, day])
    return outlook


def scored(sessions: Sessions, sites: Sites, name: str, outlook: Outlook, progress: Progress) -> Scored:
    actual = sites.series[name] / sites.scale(name, WARM_DAYS)[:, None, None]
    task = progress.add_task(f"ev {name}", total=sessions.days.count)
    run = replay(EvStation(expected=outlook.expected), History(sessions.days, actual), lambda: progress.advance(task))
    warm = np.arange(sessions.days.count)[None] >= sites.first_day[:, None] + WARM_DAYS
    return Scored(run, actual, sites.alive & warm)


def _count_figures(sessions: Sessions, found: Scored) -> Iterator[Figure]:
    day_ahead = found.run.day_ahead.mean
    for k, site in enumerate(sessions.sites):
        where = _where(found, k)
        mean = float(np.mean(found.actual[k][where]))
        for slots, label in STEPS.items():
            said, task = found.run.at(slots).each(lambda part, k=k: part[k]), f"ev plugged cars {label}"  # type: ignore[misc]
            error, held = (rmse(f, found.actual[k], where) for f in (said.mean, shifted(found.actual, slots)[k]))
            stale = rmse(day_ahead[k], found.actual[k], where)
            yield Figure(task, site, "RMSE", 100 * error / mean, "% of mean", note=NOTE)
            goal = NEXT_GOAL if slots == 1 else None
            yield Figure(
                task, site, "skill against persistence", skill(error, held), "", goal, note=f"persistence {100 * held / mean:.1f} %"
            )
            goal = FAR_GOAL if label == "4 h" else None
            yield Figure(task, site, "skill against the day-ahead forecast", skill(error, stale), "", goal)
            yield from _covered(task, site, coverage(said.low, said.high, found.actual[k], where))
        low, high = found.run.day_ahead.low[k], found.run.day_ahead.high[k]
        yield Figure("ev plugged cars day-ahead", site, "RMSE", 100 * rmse(day_ahead[k], found.actual[k], where) / mean, "% of mean")
        yield from _covered("ev plugged cars day-ahead", site, coverage(low, high, found.actual[k], where))


def _energy_figures(sessions: Sessions, name: str, found: Scored) -> Iterator[Figure]:
    """nMAE of the medians: day-ahead against climatology's, 1 h against persistence."""
    ways = {
        "day-ahead": (found.run.day_ahead, found.run.usual.mid, "climatology"),
        "1 h": (found.run.at(4), shifted(found.actual, 4), "persistence"),
    }
    for k, site in enumerate(sessions.sites):
        where = _where(found, k)
        mean = float(np.mean(found.actual[k][where]))
        for label, (said, naive, naive_name) in ways.items():
            task = f"ev {name} {label}"
            error, reference = (mae(f, found.actual[k], where & np.isfinite(naive[k])) for f in (said.mid[k], naive[k]))
            note = f"{naive_name} {100 * reference / mean:.0f} %; {AT_ONCE}"
            yield Figure(task, site, f"nMAE of {SERIES[name]}", 100 * error / mean, "% of mean", note=note)
            yield Figure(task, site, f"skill against {naive_name}", skill(error, reference), "")
            yield from _covered(task, site, coverage(said.low[k], said.high[k], found.actual[k], where))


def _where(found: Scored, k: int) -> np.ndarray:
    """(D, S) periods of site k in which it is scored."""
    return found.scored[k][:, None] & np.isfinite(found.actual[k]) & np.isfinite(found.run.day_ahead.low[k])


def _covered(task: str, site: str, share: float) -> Iterator[Figure]:
    yield Figure(task, site, "P10-P90 coverage", 100 * share, "%")
    yield Figure(task, site, "coverage off 80 %", abs(100 * share - NOMINAL), "%", COVERAGE_ROOM, at_least=False)

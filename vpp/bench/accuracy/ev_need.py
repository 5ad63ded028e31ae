"""The session model at plug-in, each session from those that had ended when its car came."""

from collections.abc import Iterator

import numpy as np
from rich.progress import Progress

from aggregator.forecasts.domain.engine.ev_sessions import fitted
from aggregator.forecasts.domain.engine.ev_users import UNKNOWN_USER
from vpp.bench.accuracy.ev_data import Sessions
from vpp.bench.accuracy.figures import Figure, coverage, mae, skill

WARM_HOURS = 60 * 24.0
REFIT_HOURS = 7 * 24.0
LEAST_SESSIONS = 10  # of an arrival hour before its median counts; before, that of the site
GOAL = 0.20
NOMINAL, COVERAGE_ROOM = 80.0, 3.0  # [%]
TASKS = {"need_kwh": ("ev need at plug-in", "kWh"), "stay_hours": ("ev stay at plug-in", "h")}


def need_figures(sessions: Sessions, progress: Progress, *, refit_hours: float = REFIT_HOURS) -> Iterator[Figure]:
    table = sessions.table
    arrives, site = table["arrives_at"].to_numpy(), table["site"].to_numpy()
    begins = np.array([arrives[site == k].min() for k in range(len(sessions.sites))])
    for quantity, (task, unit) in TASKS.items():
        actual = table[quantity].to_numpy()
        bands = issued_bands(sessions, quantity, progress, refit_hours)
        usual = hour_medians(sessions, quantity)
        scored = (arrives >= begins[site] + WARM_HOURS) & (table["user"] != UNKNOWN_USER).to_numpy() & np.isfinite(bands[1] + usual)
        for k, name in enumerate(sessions.sites):
            here = scored & (site == k)
            error, reference = mae(bands[1], actual, here), mae(usual, actual, here)
            note = f"{here.sum()} sessions of known users after 60 days; refitted every {refit_hours / 24:.0f} days"
            yield Figure(task, name, "MAE", error, unit, note=note)
            goal = GOAL if quantity == "need_kwh" else None
            note = f"median {reference:.2f} {unit}"
            yield Figure(task, name, "MAE skill against the arrival-hour median", skill(error, reference), "", goal, note=note)
            share = 100 * coverage(bands[0], bands[2], actual, here)
            yield Figure(task, name, "P10-P90 coverage", share, "%")
            yield Figure(task, name, "coverage off 80 %", abs(share - NOMINAL), "%", COVERAGE_ROOM, at_least=False)


def issued_bands(sessions: Sessions, quantity: str, progress: Progress, refit_hours: float) -> np.ndarray:
    """(3, C) P10, P50, P90 as they were said when each car came; NaN before the first fit."""
    table, days = sessions.table, sessions.days
    arrives, departs = table["arrives_at"].to_numpy(), table["departs_at"].to_numpy()
    off = (~days.working[(arrives // 24).astype(int)]).astype(float)
    out = np.full((3, len(table)), np.nan)
    for now in progress.track(np.arange(refit_hours, arrives.max(), refit_hours), description=TASKS[quantity][0]):
        come = (arrives >= now) & (arrives < now + refit_hours)
        model = fitted(table, quantity, now=now, off=off) if come.any() else None
        if model is not None:
            out[:, come] = model.at_plug_in(table[come], table[departs < now + refit_hours], off=off[come])
    return out


def hour_medians(sessions: Sessions, quantity: str) -> np.ndarray:
    """(C,) median of the site's earlier sessions of the same arrival hour; NaN for a site's first."""
    table = sessions.table
    arrives, departs, value = (table[name].to_numpy() for name in ("arrives_at", "departs_at", quantity))
    hour, site = (arrives % 24).astype(int), table["site"].to_numpy()
    out = np.full(len(table), np.nan)
    for k in range(len(sessions.sites)):
        here = np.flatnonzero(site == k)
        for row in here:
            ended = here[departs[here] <= arrives[row]]
            alike = ended[hour[ended] == hour[row]]
            chosen = alike if len(alike) >= LEAST_SESSIONS else ended
            out[row] = np.median(value[chosen]) if len(chosen) else np.nan
    return out

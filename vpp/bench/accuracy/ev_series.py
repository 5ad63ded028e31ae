"""What stations would have shown if every car had charged at once on plug-in, from their sessions."""

from dataclasses import dataclass

import numpy as np

from aggregator.forecasts.domain.engine.ev_survival import Stays
from vpp.bench.accuracy.ev_data import Sessions

CONNECTOR_KW = 7.2  # assumed: the files have no charging power; a session that took in more per hour had more
PATIENT_HOURS = 1.0  # a car that could begin this much later can be shed for as long


@dataclass(frozen=True)
class Sites:
    """Series (N, D, S), NaN before a site's first whole day and after its last: plugged cars, kW and sheddable kW as means of the
    period, waiting kWh at its end. `plugged`, `charging`: stays of the same sessions. alive (N, D); first_day (N,).
    """

    series: dict[str, np.ndarray]
    plugged: Stays
    charging: Stays
    alive: np.ndarray
    first_day: np.ndarray

    def scale(self, name: str, days: int) -> np.ndarray:
        """(N,) mean of the first `days` of each site."""
        values = self.series[name]
        return np.array([np.nanmean(values[k, first : first + days]) for k, first in enumerate(self.first_day)])


def sites_of(sessions: Sessions) -> Sites:
    days, table = sessions.days, sessions.table
    shape = (len(sessions.sites), days.count, days.slots)
    arrives, departs = table["arrives_at"].to_numpy(), table["departs_at"].to_numpy()
    need, site = table["need_kwh"].to_numpy(), table["site"].to_numpy()
    stay = departs - arrives
    rate = np.maximum(CONNECTOR_KW, need / np.maximum(stay, 1e-3))
    full = arrives + need / rate
    patient = departs - full >= PATIENT_HOURS
    first_day = np.array([int(arrives[site == k].min() // 24) + 1 for k in range(shape[0])])
    last_day = np.array([int(arrives[site == k].max() // 24) for k in range(shape[0])])
    day = np.arange(days.count)[None]
    alive = (day >= first_day[:, None]) & (day < last_day[:, None])
    edges = days.hours * np.arange(days.count * days.slots + 1)
    out = {name: np.full(shape, np.nan) for name in ("plugged", "power", "sheddable", "waiting")}
    for k in range(shape[0]):
        here = site == k
        one = np.ones(here.sum())
        given = _ramp(arrives[here], full[here], rate[here], edges)
        calm = here & patient
        values = {
            "plugged": np.diff(_ramp(arrives[here], departs[here], one, edges)) / days.hours,
            "power": np.diff(given) / days.hours,
            "sheddable": np.diff(_ramp(arrives[calm], full[calm], rate[calm], edges)) / days.hours,
            "waiting": (_sum_until(arrives[here], need[here], edges) - given)[1:],
        }
        for name, flat in values.items():
            out[name][k] = np.where(alive[k][:, None], np.maximum(flat, 0.0).reshape(shape[1:]), np.nan)
    plugged = Stays.of_hours(site=site, begins_at=arrives, ends_at=departs, days=days)
    charging = Stays.of_hours(site=site, begins_at=arrives, ends_at=full, days=days)
    return Sites(out, plugged, charging, alive, first_day)


def _ramp(begins: np.ndarray, ends: np.ndarray, rate: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(E,) integral up to each edge of `rate` over [begins, ends) of all sessions."""
    return sum(
        sign * (edges * _sum_until(at, rate, edges) - _sum_until(at, rate * at, edges)) for sign, at in ((1.0, begins), (-1.0, ends))
    )


def _sum_until(at: np.ndarray, weight: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(E,) sum of the weights whose time is not after each edge."""
    order = np.argsort(at, kind="stable")
    running = np.concatenate([[0.0], np.cumsum(weight[order])])
    return running[np.searchsorted(at[order], edges, side="right")]

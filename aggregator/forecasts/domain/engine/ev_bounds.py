"""What the plugged cars of many stations let be moved: bounds of power and energy, all cars at once.

The physics is `aggregator.assets.domain.ev_station.bounds_of_sessions`: most energy = min(rate x plugged time, need), least = the
need that no longer fits after the period; per car, then added, then clipped at the station's rating.
"""

from dataclasses import dataclass

import numpy as np

LOW, HIGH = 0, 2  # rows of bands


@dataclass(frozen=True)
class Cars:
    """C cars: site (C,), arrives_at [h from the start of the grid, <= 0 = is here], connector_kw (C,), given_kwh (C,) so far."""

    site: np.ndarray
    arrives_at: np.ndarray
    connector_kw: np.ndarray
    given_kwh: np.ndarray


@dataclass(frozen=True)
class Bounds:
    """cap_kw, least_kwh, most_kwh (.., n): most power in a period; cumulative energy from the start of the grid."""

    cap_kw: np.ndarray
    least_kwh: np.ndarray
    most_kwh: np.ndarray

    @property
    def movable_kwh(self) -> np.ndarray:
        """(..) sum over the periods of what can be put off."""
        return (self.most_kwh - self.least_kwh).sum(axis=-1)


def bounds_of_stations(
    cars: Cars, *, departs_at: np.ndarray, need_kwh: np.ndarray, rated_kw: np.ndarray, periods: int, hours: float
) -> Bounds:
    """(N, n) of stations rated_kw (N,), for cars that depart at departs_at (C,) and need need_kwh (C,) in all."""
    return _of_stations(_of_cars(cars, departs_at, need_kwh, periods, hours), cars.site, rated_kw, hours)


def firm_bounds(cars: Cars, *, stay_hours: np.ndarray, need_kwh: np.ndarray, rated_kw: np.ndarray, periods: int, hours: float) -> Bounds:
    """(N, n) on which can be relied: P10 of the stay, and P90 or P10 of the need, whichever lets less be moved, per car.

    stay_hours, need_kwh (3, C): P10, P50, P90 of the whole stay and need, given what has passed (ev_conditional).
    """
    departs_at = cars.arrives_at + stay_hours[LOW]
    much, little = (_of_cars(cars, departs_at, need_kwh[row], periods, hours) for row in (HIGH, LOW))
    take = (little.movable_kwh < much.movable_kwh)[:, None]
    chosen = Bounds(*(np.where(take, a, b) for a, b in zip(vars(little).values(), vars(much).values(), strict=True)))
    return _of_stations(chosen, cars.site, rated_kw, hours)


def _of_cars(cars: Cars, departs_at: np.ndarray, need_kwh: np.ndarray, periods: int, hours: float) -> Bounds:
    edges = hours * np.arange(periods + 1)
    arrives, departs, rate = cars.arrives_at[:, None], departs_at[:, None], cars.connector_kw[:, None]
    here = np.clip(np.minimum(edges[1:], departs) - np.maximum(edges[:-1], arrives), 0.0, hours)
    possible = np.cumsum(here, axis=1) * rate
    beyond = np.maximum(0.0, departs - np.maximum(edges[-1], arrives)) * rate  # a stay that goes on can still charge there
    need = np.clip(need_kwh - cars.given_kwh, 0.0, (possible[:, -1:] + beyond)[:, 0])[:, None]
    wants = (need > 0) & (possible[:, -1:] > 0)
    most = np.where(wants, np.minimum(possible, need), 0.0)
    least = np.where(wants, np.maximum(0.0, need - (possible[:, -1:] - possible) - beyond), 0.0)
    return Bounds(np.where(wants, here / hours * rate, 0.0), least, most)


def _of_stations(each: Bounds, site: np.ndarray, rated_kw: np.ndarray, hours: float) -> Bounds:
    cap, least, most = (_added(part, site, len(rated_kw)) for part in (each.cap_kw, each.least_kwh, each.most_kwh))
    cap = np.minimum(cap, rated_kw[:, None])
    reach, sofar = np.empty_like(most), np.zeros(len(rated_kw))
    for t in range(most.shape[1]):  # energy that the rating lets through
        sofar = np.minimum(most[:, t], sofar + cap[:, t] * hours)
        reach[:, t] = sofar
    return Bounds(cap, np.minimum(least, reach), reach)


def _added(values: np.ndarray, site: np.ndarray, sites: int) -> np.ndarray:
    """(N, n) sums of (C, n) per site."""
    out = np.zeros((sites, values.shape[1]))
    if len(site):
        order = np.argsort(site, kind="stable")
        present, begins = np.unique(site[order], return_index=True)
        out[present] = np.add.reduceat(values[order], begins, axis=0)
    return out

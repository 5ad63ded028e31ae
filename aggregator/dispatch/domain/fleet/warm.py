"""Compiling the kernels where it counts against no deadline: when a process starts, or when an image is built."""

from functools import cache

import numpy as np

from aggregator.dispatch.domain.fleet._sweep import CALLS, FILLS, STORES
from aggregator.dispatch.domain.fleet.problem import CallLoads, Fills, FleetProblem, Sites, Stores, no_groups, no_market, no_profiles
from aggregator.dispatch.domain.fleet.responses import respond
from aggregator.dispatch.domain.fleet.schedules import Schedules


@cache
def warm_up() -> None:
    """Have every kernel compiled, or read from disk where one of this version is kept; once per process."""
    problem = _one_of_each()
    row = np.zeros(1, dtype=np.int64)
    respond(problem, price_rows=np.ones((1, 1)), row_of_store=row, row_of_fill=row, row_of_call=row)
    nothing = np.zeros(1)
    Schedules(problem).true(share_price_cny_per_kwh=nothing, spill_cny_per_kwh=nothing, which=FILLS | CALLS | STORES)


def _one_of_each() -> FleetProblem:
    """A store, a car and a load at one site, over one hour."""
    site, one, none = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64), np.full(1, -1)
    kw, flat = np.ones(1), np.ones((1, 1))
    energy = (np.zeros(1), kw, np.zeros(1), np.zeros(1))
    return FleetProblem(
        1.0,
        Sites(flat, flat, flat, flat, kw, kw, kw, kw, kw, kw),
        Stores(site, none, site, one, kw, kw, *energy, kw, kw, kw, kw, kw, none),
        Fills(site, none, site, one, kw, kw, kw),
        CallLoads(site, none, site, one, kw, kw, one, one, one, one, site, site, kw, np.ones(1, dtype=bool), site, none),
        no_market(1),
        no_groups(1),
        no_profiles(1),
    )

"""Random small parks to be split: ties in cost, assets and sites without room, caps that bind, sites without assets."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from aggregator.dispatch.domain.split import Rule, SplitProblem

UNIT_KW = 1e-3


def park(
    seed: int, *, assets: int = 12, sites: int = 4, share: float = 0.5, sign: float = 1.0, ties: bool = False, **changes: Any
) -> SplitProblem:
    """`share` of what can be given is asked for; above 1 nobody could. Everything is a whole number of units."""
    rng = np.random.default_rng(seed)
    site = np.sort(rng.integers(0, sites, assets))

    def room() -> np.ndarray:
        return np.round(np.where(rng.random(assets) < 0.2, 0.0, rng.uniform(0.0, 100.0, assets)), 3)

    down, up = room(), room()
    cost = rng.choice([0.1, 0.2, 0.4], assets) if ties else rng.uniform(0.0, 1.0, assets)
    caps = {}
    for name, of_asset in (("down", down), ("up", up)):
        loose = np.bincount(site, of_asset, sites) * rng.uniform(0.2, 2.0, sites)
        caps[name] = np.round(np.where(rng.random(sites) < 0.1, 0.0, loose), 3)
    of_asset, cap = (up, caps["up"]) if sign > 0 else (down, caps["down"])
    pool = float(np.minimum(np.bincount(site, of_asset, sites), cap).sum())
    floor = rng.dirichlet(np.ones(sites)) * rng.uniform(0.0, 1.0)
    problem = SplitProblem(
        site=site,
        down_room_kw=down,
        up_room_kw=up,
        cost_cny_per_kwh=cost,
        site_down_kw=caps["down"],
        site_up_kw=caps["up"],
        change_kw=sign * round(share * pool, 3),
        turn_hours=rng.choice([0.0, 5.0, 30.0, np.inf], assets),
        floor_ratio=floor,
    )
    return replace(problem, **changes)


@st.composite
def parks(draw: st.DrawFn) -> SplitProblem:
    return park(
        draw(st.integers(0, 100_000)),
        assets=draw(st.integers(1, 30)),
        sites=draw(st.integers(1, 6)),
        share=draw(st.sampled_from([0.01, 0.3, 0.7, 1.0, 1.5])),
        sign=draw(st.sampled_from([1.0, -1.0])),
        ties=draw(st.booleans()),
    )


def rules() -> st.SearchStrategy[Rule]:
    return st.sampled_from([Rule(), Rule("cost", 0.0), Rule("cost", 0.5), Rule("pro_rata"), Rule("rotation"), Rule("floor")])


def directed(problem: SplitProblem) -> tuple[np.ndarray, np.ndarray]:
    """(room of assets, caps of sites) in the instruction's direction."""
    up = problem.change_kw >= 0
    return (problem.up_room_kw, problem.site_up_kw) if up else (problem.down_room_kw, problem.site_down_kw)


def per_site(problem: SplitProblem, values: np.ndarray) -> np.ndarray:
    return np.bincount(problem.site, values, len(problem.site_up_kw))

"""Small parks of all five kinds, written out or drawn by hypothesis."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from aggregator.assets.domain import Session, ev_station, generation, kind_of, load, storage
from aggregator.dispatch.domain import AssetFacts, GroupProblem, ScheduleProblem, SiteProblem, device_of
from aggregator.kernel.periods import Grid

START = datetime(2026, 3, 2, 16, tzinfo=UTC)


def grid_of(n: int, minutes: int = 60) -> Grid:
    return Grid(START, timedelta(minutes=minutes), n)


@dataclass(frozen=True)
class Park:
    """A problem and the facts it was made from: what the checker wants."""

    problem: ScheduleProblem
    facts: dict[str, AssetFacts]

    def asked(self, **changes: object) -> "Park":
        return Park(replace(self.problem, **changes), self.facts)


def park_of(grid: Grid, facts: dict[str, AssetFacts], *, value, sites: dict[str, SiteProblem] | None = None, **more) -> Park:
    n = len(grid)
    sites = sites or {site: SiteProblem(1e6, 1e6, np.zeros(n)) for site in sorted({f.site for f in facts.values()})}
    problem = ScheduleProblem(
        grid=grid,
        sites=sites,
        devices={key: (row.site, device_of(row)) for key, row in facts.items()},
        injection_value_cny_per_kwh=np.asarray(value, dtype=float),
        running_calls={key: row.running_periods for key, row in facts.items() if row.running_periods},
        generators=frozenset(key for key, row in facts.items() if kind_of(row.kind).green),
        **more,
    )
    return Park(problem, facts)


def battery(grid: Grid, *, site: str = "s", stored_kwh: float | None = None, **spec) -> AssetFacts:
    made = storage.StorageSpec(**{"energy_kwh": 100.0, "charge_kw": 50.0, "discharge_kw": 50.0, "wear_cny_per_kwh": 0.0, **spec})
    stored = made.energy_kwh * made.soc_initial_ratio if stored_kwh is None else stored_kwh
    return AssetFacts(site, "storage", made, storage.envelope(made, grid=grid, stored_kwh=stored), stored_kwh=stored)


def pv(grid: Grid, available_kw, *, site: str = "s", curtailable: bool = True) -> AssetFacts:
    spec = generation.PvSpec(rated_kw=1000.0, curtailable=curtailable)
    envelope = generation.envelope(spec, grid=grid, available_kw=np.asarray(available_kw, dtype=float))
    return AssetFacts(site, "pv", spec, envelope)


def wind(grid: Grid, available_kw, *, site: str = "s") -> AssetFacts:
    spec = generation.WindSpec(rated_kw=1000.0)
    return AssetFacts(site, "wind", spec, generation.envelope(spec, grid=grid, available_kw=np.asarray(available_kw, dtype=float)))


def plant(grid: Grid, load_kw, *, site: str = "s", calls_used: int = 0, running: int = 0, notice: int = 0, **spec) -> AssetFacts:
    made = load.LoadSpec(**{"rated_kw": 1000.0, "must_run_kw": 20.0, "notice_minutes": 0, "shed_cost_cny_per_kwh": 0.5, **spec})
    envelope = load.envelope(made, grid=grid, load_kw=np.asarray(load_kw, dtype=float))
    return AssetFacts(site, "load", made, envelope, calls_used=calls_used, running_periods=running, notice_periods=notice)


def chargers(grid: Grid, sessions: tuple[Session, ...], *, site: str = "s", **spec) -> AssetFacts:
    made = ev_station.EvStationSpec(**{"connectors": 4, "connector_kw": 20.0, "station_limit_kw": 60.0, **spec})
    cap, least, most = ev_station.bounds_of_sessions(made, grid=grid, sessions=sessions)
    envelope = ev_station.envelope(made, grid=grid, cap_kw=cap, least_kwh=least, most_kwh=most)
    return AssetFacts(site, "ev_station", made, envelope)


def _numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: round(x, 2))


@st.composite
def parks(draw, n: int = 6) -> Park:
    """Two sites; each kind at least possible; tight limits, negative prices and small stores included."""
    grid = grid_of(n)
    series = lambda low, high: np.array(draw(st.lists(_numbers(low, high), min_size=n, max_size=n)))  # noqa: E731
    facts: dict[str, AssetFacts] = {}
    for site in ("a", "b"):
        if draw(st.booleans()):
            energy = draw(_numbers(20, 200))
            facts[f"{site}/storage"] = battery(
                grid,
                site=site,
                energy_kwh=energy,
                charge_kw=draw(_numbers(10, 80)),
                discharge_kw=draw(_numbers(10, 80)),
                stored_kwh=energy * draw(_numbers(0.0, 1.0)),
                wear_cny_per_kwh=draw(_numbers(0, 0.1)),
            )
        if draw(st.booleans()):
            facts[f"{site}/pv"] = pv(grid, series(0, 120), site=site, curtailable=draw(st.booleans()))
        if draw(st.booleans()):
            facts[f"{site}/wind"] = wind(grid, series(0, 80), site=site)
        if draw(st.booleans()):
            stays = draw(st.lists(st.tuples(_numbers(0, n - 1), _numbers(0.3, n), _numbers(2, 60)), max_size=5))
            sessions = tuple(Session(f"c{k}", at, at + length, need) for k, (at, length, need) in enumerate(stays))
            facts[f"{site}/ev"] = chargers(grid, sessions, site=site)
        running = draw(st.integers(0, 1))
        facts[f"{site}/load"] = plant(
            grid,
            series(0, 150),
            site=site,
            running=running,
            notice=draw(st.integers(0, 2)),
            max_calls_per_day=draw(st.integers(1, 2)),
            max_call_hours=draw(st.integers(2, 3)),
            shed_cost_cny_per_kwh=draw(_numbers(0.1, 1.5)),
            all_or_nothing=draw(st.booleans()),
        )
    sites = {
        site: SiteProblem(draw(_numbers(20, 300)), draw(_numbers(0, 100)), series(0, 0.5), draw(_numbers(0, 1)), draw(_numbers(0, 50)))
        for site in ("a", "b")
    }
    return park_of(grid, facts, value=series(-0.6, 1.2), sites=sites)


@st.composite
def networks(draw, n: int = 6) -> Park:
    """A park with transformers and feeders behind the connections, and sites that may export only a share of their generation."""
    park = draw(parks(n))
    problem, groups, group_of = park.problem, {}, {}
    for site in problem.sites:
        if draw(st.booleans()):
            groups[f"{site}:outer"] = GroupProblem(site, draw(_numbers(0, 200)), draw(_numbers(0, 100)))
            groups[f"{site}:inner"] = GroupProblem(site, draw(_numbers(0, 150)), draw(_numbers(0, 80)), parent=f"{site}:outer")
    for key, (site, _) in problem.devices.items():
        at = draw(st.sampled_from(["", "outer", "inner"]))
        if at and f"{site}:{at}" in groups:
            group_of[key] = f"{site}:{at}"
    ruled = st.sampled_from([np.inf, 0.0, 0.2, 0.7])
    sites = {site: replace(row, export_share_ratio=draw(ruled)) for site, row in problem.sites.items()}
    return park.asked(sites=sites, groups=groups, group_of=group_of)

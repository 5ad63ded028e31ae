"""The schedules of all assets while they are being improved: sweeps over sites, in a fixed and repeatable order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aggregator.dispatch.domain.fleet._call import call_sizes
from aggregator.dispatch.domain.fleet._columns import call_columns, fill_columns, group_columns, group_sums, profile_columns, store_columns
from aggregator.dispatch.domain.fleet._places import Standing, blocks_of, rows_at
from aggregator.dispatch.domain.fleet._smooth import smoothed
from aggregator.dispatch.domain.fleet._sweep import CALLS, FILLS, STORES, State, sweep
from aggregator.dispatch.domain.fleet._value import Worth
from aggregator.dispatch.domain.fleet.cost import safe_moves, site_injection
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem
from aggregator.dispatch.domain.fleet.result import Moves

LEAST_PRICE = 1e-3  # CNY/kWh: below it a guiding price would leave the order of the periods to chance


class Schedules:
    """Begins with nobody moving. `seed` draws the order of the stores within their sites, anew for every sweep.

    `is_over` is asked before every block of sites; what is left of a sweep is then left out, and `finish` makes it a plan.
    """

    def __init__(self, problem: FleetProblem, *, seed: int = 0, is_over: Callable[[], bool] = lambda: False) -> None:
        e, n = len(problem.sites), problem.periods
        sites = problem.sites
        self.problem = problem
        self._random = np.random.default_rng(seed)
        self._stores = store_columns(problem.stores, e)
        self._fills = fill_columns(problem.fills, e)
        self._calls = call_columns(problem)
        self._profiles = profile_columns(problem.profiles)
        self._groups = group_columns(problem.groups)
        self._sizes = call_sizes(self._calls)
        self._breaks = np.ascontiguousarray(problem.market_breaks)
        self._values = np.ascontiguousarray(problem.market_values)
        self._most_kw = np.where(sites.export_share_ratio == 0, 0.0, sites.export_limit_kw).astype(float)
        self._generation_kw = np.ascontiguousarray(sites.generation_kw, dtype=float)
        self.export_cap_kw = np.repeat(self._most_kw[:, None], n, axis=1)
        self._state = State(
            np.zeros((len(problem.stores), n)),
            np.zeros((len(problem.fills), n)),
            np.zeros((len(problem.calls), n)),
            np.zeros((len(problem.calls), n), dtype=np.int8),
            np.ascontiguousarray(sites.fixed_injection_kw + sites.generation_kw, dtype=float),
            group_sums(problem, []),
            np.zeros(n),
        )
        self._is_over = is_over
        self._answered = np.zeros(e, dtype=np.int64)  # of each site the types of assets that have answered
        self._count()

    def _count(self) -> None:
        kept_kw = np.maximum(np.minimum(self._state.site_kw, self.export_cap_kw), self._state.site_kw - self._generation_kw)
        self._state.portfolio_kw[:] = kept_kw.sum(axis=0)

    def resume(self, moves: Moves) -> None:
        """Go on from these moves."""
        state, problem = self._state, self.problem
        parts = ((problem.stores, moves.store_kw), (problem.fills, moves.fill_kw), (problem.calls, moves.call_kw))
        for ours, (_, kw) in zip((state.store_kw, state.fill_kw, state.call_kw), parts, strict=True):
            ours[:] = kw
        state.call_phase[:] = np.where(moves.call_on, 1, -(moves.call_kw < 0).astype(np.int8))
        state.site_kw[:] = site_injection(problem, moves) + problem.sites.generation_kw
        state.group_kw[:] = group_sums(problem, [(part.group, kw) for part, kw in parts])
        self._answered[:] = FILLS | CALLS | STORES
        self._count()

    def finish(self) -> None:
        """Assets that no sweep has reached move as in the safe plan."""
        if (self._answered == FILLS | CALLS | STORES).all():
            return
        problem, safe, ours = self.problem, safe_moves(self.problem), self.moves

        def filled(site: np.ndarray, which: int, own: np.ndarray, other: np.ndarray) -> np.ndarray:
            return np.where((self._answered[site] & which > 0)[:, None], own, other)

        self.resume(
            Moves(
                filled(problem.stores.site, STORES, ours.store_kw, safe.store_kw),
                filled(problem.fills.site, FILLS, ours.fill_kw, safe.fill_kw),
                filled(problem.calls.site, CALLS, ours.call_kw, safe.call_kw),
                filled(problem.calls.site, CALLS, ours.call_on, safe.call_on),
            )
        )

    def standing(self, sites: np.ndarray) -> Standing:
        """What the sites with `sites` (E,) bool do now, for `put_back`."""
        stores, fills, calls, groups = rows_at(self.problem, sites)
        rows = (stores, fills, calls, calls, np.flatnonzero(sites), groups)
        return Standing(rows, tuple(values[own] for values, own in zip(self._state, rows, strict=False)))

    def take_out(self, sites: np.ndarray) -> None:
        """At the sites with `sites` (E,) bool nobody moves any more."""
        stores, fills, calls, groups = rows_at(self.problem, sites)
        given, state = self.problem.sites, self._state
        for values, own in ((state.store_kw, stores), (state.fill_kw, fills), (state.call_kw, calls), (state.call_phase, calls)):
            values[own] = 0
        state.site_kw[sites] = given.fixed_injection_kw[sites] + given.generation_kw[sites]
        state.group_kw[groups] = group_sums(self.problem, [])[groups]
        self._count()

    def put_back(self, before: Standing, sites: np.ndarray) -> None:
        """What stood at the sites with `sites` (E,) bool when `before` was looked at."""
        problem = self.problem
        of = (problem.stores.site, problem.fills.site, problem.calls.site, problem.calls.site, np.arange(len(sites)), problem.groups.site)
        for values, own, value, site in zip(self._state, before.rows, before.values, of, strict=False):
            chosen = sites[site[own]]
            values[own[chosen]] = value[chosen]
        self._count()

    @property
    def moves(self) -> Moves:
        state = self._state
        return Moves(state.store_kw, state.fill_kw, state.call_kw, state.call_phase > 0)

    @property
    def site_kw(self) -> np.ndarray:
        """(E, n) injection before anything is curtailed [kW]."""
        return self._state.site_kw

    @property
    def group_kw(self) -> np.ndarray:
        """(G, n) injection of the groups [kW]."""
        return self._state.group_kw

    @property
    def injection_kw(self) -> np.ndarray:
        """(n,) what all sites inject, as it is counted while sweeping [kW]."""
        return self._state.portfolio_kw

    def limit_exports(self, cap_kw: np.ndarray) -> None:
        """(E, n): what is exported beyond counts as curtailed while sweeping."""
        self.export_cap_kw = np.minimum(self._most_kw[:, None], cap_kw)
        self._count()

    def guided(
        self,
        *,
        value_cny_per_kwh: np.ndarray,
        target_kw: np.ndarray,
        spill_cny_per_kwh: np.ndarray,
        group_shift_cny_per_kwh: np.ndarray,
        slope: float,
        which: int,
        threads: int = 1,
        mu_cny_per_kwh: np.ndarray | None = None,
        smoothing_kw: float = 0.0,
        at: np.ndarray | None = None,
        peak_kw: np.ndarray | None = None,
    ) -> None:
        """Towards the injection `target_kw` (E, n) at local values (E, n): a kWh is worth `slope` (a ratio) more below it, less above.

        With mu (n,), the part that the market has in the local values, sites go one after the other and read in its place
        what the market pays at the portfolio's injection; smoothed as in `true`. at (E,) bool: at these sites alone.
        peak_kw (E,): imports above it pay the demand charge in full; without it the largest that is aimed at, or with mu the reached.
        """
        sites, n = self.problem.sites, self.problem.periods
        spill = np.ascontiguousarray(spill_cny_per_kwh)
        # Below what curtailing costs, all that can be is curtailed, and the aim is what stands without it.
        below = value_cny_per_kwh < np.where(self._generation_kw > 0, spill[:, None], 0.0) - LEAST_PRICE
        value = np.where(below, value_cny_per_kwh, np.maximum(value_cny_per_kwh, LEAST_PRICE))
        middle_kw = target_kw - np.where(below, self._generation_kw, 0.0)
        limit = np.ascontiguousarray(sites.import_limit_kw, dtype=float)
        coupled = mu_cny_per_kwh is not None
        mu = np.zeros(n) if mu_cny_per_kwh is None else mu_cny_per_kwh
        high, low = value + slope * np.abs(value) - mu, value - slope * np.abs(value) - mu
        breaks, values = self._market(smoothing_kw)
        if peak_kw is None:
            peak_kw = self.peak_kw(self.site_kw if coupled else target_kw)
        worth = Worth(
            limit,
            peak_kw,
            np.clip(middle_kw, -limit[:, None], self.export_cap_kw),
            self.export_cap_kw,
            self._most_kw,
            self._generation_kw,
            high + (sites.demand_price_cny_per_kw / self.problem.hours)[:, None],
            high,
            low,
            spill,
            breaks,
            values,
            breaks.shape[1] if coupled else 0,
            np.ascontiguousarray(group_shift_cny_per_kwh).reshape(len(self.problem.groups), n),
        )
        self._run(which, coupled, worth, at=at, threads=1 if coupled else threads)
        self._count()

    def true(self, *, share_price_cny_per_kwh: np.ndarray, spill_cny_per_kwh: np.ndarray, which: int, smoothing_kw: float = 0.0) -> None:
        """At the sites' own tariffs and the market's prices, sites one after the other. `share_price` (E,) prices the export share.

        Imports above the peak that was reached pay the demand charge in full. smoothing_kw > 0: the market's steps are
        drawn out over that much on both sides (see _smooth); only without it is the cost sure not to rise.
        """
        sites, h = self.problem.sites, self.problem.hours
        breaks, values = self._market(smoothing_kw)
        buy = np.ascontiguousarray(sites.buy_cny_per_kwh, dtype=float)
        worth = Worth(
            np.ascontiguousarray(sites.import_limit_kw, dtype=float),
            self.peak_kw(self.site_kw),
            np.zeros_like(buy),
            self.export_cap_kw,
            self._most_kw,
            self._generation_kw,
            buy + (sites.demand_price_cny_per_kw / h)[:, None],
            buy,
            np.ascontiguousarray(sites.sell_cny_per_kwh - share_price_cny_per_kwh[:, None]),
            np.ascontiguousarray(spill_cny_per_kwh),
            breaks,
            values,
            breaks.shape[1],
            np.zeros((len(self.problem.groups), self.problem.periods)),
        )
        self._run(which, True, worth)

    def replace(self, site: int, stores: np.ndarray, fills: np.ndarray, moves: Moves) -> None:
        """Other schedules for these rows of one site's stores and cars, from `moves` in their order."""
        state, problem = self._state, self.problem
        for rows, part, ours, theirs in (
            (stores, problem.stores, state.store_kw, moves.store_kw),
            (fills, problem.fills, state.fill_kw, moves.fill_kw),
        ):
            change = theirs - ours[rows]
            state.site_kw[site] += change.sum(axis=0)
            for group, by in zip(part.group[rows].tolist(), change, strict=True):
                while group != NO_GROUP:
                    state.group_kw[group] += by
                    group = int(problem.groups.parent[group])
            ours[rows] = theirs
        self._count()

    def _market(self, smoothing_kw: float) -> tuple[np.ndarray, np.ndarray]:
        return smoothed(self._breaks, self._values, smoothing_kw)

    def peak_kw(self, injection_kw: np.ndarray) -> np.ndarray:
        """(E,) import that its largest one covers already [kW]; the limit where no peak is charged."""
        sites = self.problem.sites
        peak = np.maximum(sites.peak_so_far_kw, -injection_kw.min(axis=1, initial=0.0))
        return np.where(sites.demand_price_cny_per_kw > 0, np.minimum(peak, sites.import_limit_kw), sites.import_limit_kw)

    def _order(self) -> np.ndarray:
        """Rows of the stores, site by site, shuffled within each."""
        return np.lexsort((self._random.random(len(self.problem.stores)), self.problem.stores.site)).astype(np.int64)

    def _run(self, which: int, coupled: bool, worth: Worth, *, at: np.ndarray | None = None, threads: int = 1) -> None:
        columns = (self._stores, self._fills, self._calls, self._profiles, self._groups)
        order, h = self._order(), self.problem.hours

        def work(block: tuple[int, int]) -> None:
            if self._is_over():
                return
            first, end = block
            sweep(first, end, which, coupled, h, order, *columns, worth, self._state, self._sizes)
            self._answered[first:end] |= which

        blocks = blocks_of(self.problem, np.ones(len(self.problem.sites), dtype=bool) if at is None else at)
        if threads == 1:
            for block in blocks:
                work(block)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, blocks))

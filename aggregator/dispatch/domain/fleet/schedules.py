"""The schedules of all assets while they are being improved: sweeps over sites, in a fixed and repeatable order."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aggregator.dispatch.domain.fleet._call import call_sizes
from aggregator.dispatch.domain.fleet._columns import call_columns, fill_columns, group_columns, group_sums, profile_columns, store_columns
from aggregator.dispatch.domain.fleet._smooth import smoothed
from aggregator.dispatch.domain.fleet._sweep import State, sweep
from aggregator.dispatch.domain.fleet._value import Worth
from aggregator.dispatch.domain.fleet.cost import site_injection
from aggregator.dispatch.domain.fleet.problem import NO_GROUP, FleetProblem
from aggregator.dispatch.domain.fleet.result import Moves

PEAK_KW = 1e-3
LEAST_PRICE = 1e-3  # CNY/kWh: below it a guiding price would leave the order of the periods to chance


class Schedules:
    """Begins with nobody moving. `seed` draws the order of the stores within their sites, anew for every sweep."""

    def __init__(self, problem: FleetProblem, *, seed: int = 0) -> None:
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
        most_kw = np.where(sites.export_share_ratio == 0, 0.0, sites.export_limit_kw)
        self._most_kw = np.repeat(most_kw[:, None], n, axis=1)
        self._ceiling_kw = self._most_kw + sites.generation_kw
        self.export_cap_kw = self._most_kw
        self._aim_kw: np.ndarray | None = None  # (E,) largest import that the last guided sweep aimed at
        self._eased = np.full(e, np.inf)  # (E,) the one that the last sweep was held to [kW]
        self._state = State(
            np.zeros((len(problem.stores), n)),
            np.zeros((len(problem.fills), n)),
            np.zeros((len(problem.calls), n)),
            np.zeros((len(problem.calls), n), dtype=np.int8),
            np.ascontiguousarray(sites.fixed_injection_kw + sites.generation_kw, dtype=float),
            group_sums(problem, []),
            np.zeros(n),
        )
        self._count()

    def _count(self) -> None:
        self._state.portfolio_kw[:] = np.minimum(self._state.site_kw, self.export_cap_kw).sum(axis=0)

    def resume(self, moves: Moves) -> None:
        """Go on from these moves."""
        state, problem = self._state, self.problem
        parts = ((problem.stores, moves.store_kw), (problem.fills, moves.fill_kw), (problem.calls, moves.call_kw))
        for ours, (_, kw) in zip((state.store_kw, state.fill_kw, state.call_kw), parts, strict=True):
            ours[:] = kw
        state.call_phase[:] = np.where(moves.call_on, 1, -(moves.call_kw < 0).astype(np.int8))
        state.site_kw[:] = site_injection(problem, moves) + problem.sites.generation_kw
        state.group_kw[:] = group_sums(problem, [(part.group, kw) for part, kw in parts])
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
    def injection_kw(self) -> np.ndarray:
        """(n,) what all sites inject, as it is counted while sweeping [kW]."""
        return self._state.portfolio_kw

    def limit_exports(self, cap_kw: np.ndarray) -> None:
        """(E, n): what is exported beyond counts as curtailed while sweeping."""
        self.export_cap_kw = np.minimum(self._most_kw, cap_kw)
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
    ) -> None:
        """Towards the injection `target_kw` (E, n) at local values (E, n): a kWh is worth `slope` (a ratio) more below it, less above.

        With mu (n,), the part that the market has in the local values, sites go one after the other and read in its place
        what the market pays at the portfolio's injection; smoothed as in `true`.
        """
        sites, n = self.problem.sites, self.problem.periods
        value = np.maximum(value_cny_per_kwh, LEAST_PRICE)
        spill = np.ascontiguousarray(spill_cny_per_kwh)
        limit = np.ascontiguousarray(sites.import_limit_kw, dtype=float)
        coupled = mu_cny_per_kwh is not None
        mu = np.zeros(n) if mu_cny_per_kwh is None else mu_cny_per_kwh
        high, low = value * (1 + slope) - mu, value * (1 - slope) - mu
        breaks, values = self._market(smoothing_kw)
        if not coupled or self._aim_kw is None:
            self._aim_kw, self._eased = self._peak(target_kw), np.full(len(sites), np.inf)
        worth = Worth(
            limit,
            self._eased_kw() if coupled else self._aim_kw,
            np.clip(target_kw, -limit[:, None], self.export_cap_kw),
            self.export_cap_kw,
            self._ceiling_kw,
            high + (sites.demand_price_cny_per_kw / self.problem.hours)[:, None],
            high,
            low if coupled else np.maximum(low, spill[:, None]),
            spill,
            breaks,
            values,
            breaks.shape[1] if coupled else 0,
            np.ascontiguousarray(group_shift_cny_per_kwh).reshape(len(self.problem.groups), n),
        )
        edges = np.linspace(0, len(sites), threads + 1).astype(int)
        order = self._order()
        if threads == 1 or coupled:
            self._run(0, len(sites), which, coupled, order, worth)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda k: self._run(int(edges[k]), int(edges[k + 1]), which, False, order, worth), range(threads)))
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
            self._eased_kw() if smoothing_kw > 0 else self._peak(self.site_kw),
            np.zeros_like(buy),
            self.export_cap_kw,
            self._ceiling_kw,
            buy + (sites.demand_price_cny_per_kw / h)[:, None],
            buy,
            np.ascontiguousarray(sites.sell_cny_per_kwh - share_price_cny_per_kwh[:, None]),
            np.ascontiguousarray(spill_cny_per_kwh),
            breaks,
            values,
            breaks.shape[1],
            np.zeros((len(self.problem.groups), self.problem.periods)),
        )
        self._run(0, len(sites), which, True, self._order(), worth)

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

    def _peak(self, injection_kw: np.ndarray) -> np.ndarray:
        """(E,) import that its largest one covers already [kW]; the limit where no peak is charged."""
        sites = self.problem.sites
        peak = np.maximum(sites.peak_so_far_kw, -injection_kw.min(axis=1, initial=0.0))
        return np.where(sites.demand_price_cny_per_kw > 0, np.minimum(peak, sites.import_limit_kw), sites.import_limit_kw)

    def _eased_kw(self) -> np.ndarray:
        """(E,) imports half way from the aim's largest to the one reached: the periods share what the aim lacks."""
        reached = self._peak(self.site_kw)
        if self._aim_kw is None:
            return reached
        missed = reached > self._eased + PEAK_KW
        self._aim_kw = np.where(missed, np.maximum(self._eased, self._aim_kw), self._aim_kw)  # not tried again
        self._eased = np.maximum(self._aim_kw, (self._aim_kw + reached) / 2)
        return self._eased

    def _order(self) -> np.ndarray:
        """Rows of the stores, site by site, shuffled within each."""
        return np.lexsort((self._random.random(len(self.problem.stores)), self.problem.stores.site)).astype(np.int64)

    def _run(self, first: int, end: int, which: int, coupled: bool, order: np.ndarray, worth: Worth) -> None:
        columns = (self._stores, self._fills, self._calls, self._profiles, self._groups)
        sweep(first, end, which, coupled, self.problem.hours, order, *columns, worth, self._state, self._sizes)

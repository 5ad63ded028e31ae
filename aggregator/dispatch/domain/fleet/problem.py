"""A fleet in columns: what the optimiser is asked when assets are too many for objects.

Powers [kW], energies [kWh], prices [CNY/kWh]; injection into the grid is positive; signed names say `injection`, all
others are >= 0 and carry a direction. n periods of h hours; E sites, G groups. Rows of assets are sorted by site. The
physics of a kind is stated in assets.domain; here stand only the numbers that a plan needs of it, as three shapes:

store   s[t] = keep s[t-1] + drift[t] + h eta_in charge[t] - h discharge[t] / eta_out      storage, two-way cars, rooms
fill    a need [kWh] that is charged at any time inside a window, one way                   one-way cars
call    interruptions of a load: how often, how long, how far apart, with ramp and rebound  loads
"""

from dataclasses import dataclass, field, fields

import numpy as np

from aggregator.kernel.errors import Anticipated

NO_GROUP = -1
NO_PROFILE = -1
CAP_CNY_PER_KWH = 20.0  # a price that is never reached: what crossing an owner's limit costs


class FleetRefused(Anticipated):
    code = "dispatch.fleet_refused"
    text = "The fleet cannot be planned: %(why)s."
    status = 422


@dataclass(frozen=True)
class Sites:
    """Grid connections. Arrays (E,) or (E, n).

    fixed_injection_kw : what nobody moves, loads negative (signed).
    generation_kw      : available generation that may be curtailed at no cost.
    buy, sell          : what importing costs and exporting earns, network included; sell <= buy.
    export_share_ratio : sum of exports <= share x sum of generation used + export_credit [kWh]; inf = no such rule, 0 = no export.
    export_credit      : signed: what earlier periods and generation that cannot be curtailed add to that, or have used up.
    demand_price       : CNY per kW of the largest import above `peak_so_far_kw`.
    """

    fixed_injection_kw: np.ndarray
    generation_kw: np.ndarray
    buy_cny_per_kwh: np.ndarray
    sell_cny_per_kwh: np.ndarray
    import_limit_kw: np.ndarray
    export_limit_kw: np.ndarray
    export_share_ratio: np.ndarray
    demand_price_cny_per_kw: np.ndarray
    peak_so_far_kw: np.ndarray
    export_credit_kwh: np.ndarray

    def __len__(self) -> int:
        return len(self.import_limit_kw)


@dataclass(frozen=True)
class Groups:
    """Feeders and transformers behind a connection: limits on the injection of their assets and `fixed_injection_kw` (G, n).

    `parent` names an outer group of the same site that lists before it, or NO_GROUP; two levels at most.
    """

    site: np.ndarray
    parent: np.ndarray
    import_limit_kw: np.ndarray
    export_limit_kw: np.ndarray
    fixed_injection_kw: np.ndarray

    def __len__(self) -> int:
        return len(self.site)


@dataclass(frozen=True)
class Profiles:
    """Time courses that few assets need, each (P, n): power bounds, energy bounds and drift of stores.

    A store with a profile uses these instead of its own scalars; `drift_kwh` is signed (a room that warms up loses cold).
    """

    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    drift_kwh: np.ndarray

    def __len__(self) -> int:
        return len(self.charge_kw)


@dataclass(frozen=True)
class Stores:
    """Columns (N,). Outside [first, end) nothing moves and no bound holds; at `end` the store holds `end_kwh` or more.

    wear_cny_per_kwh per kWh discharged, grid side; end_value_cny_per_kwh per kWh stored at `end`; keep_ratio per period.
    """

    site: np.ndarray
    group: np.ndarray
    first: np.ndarray
    end: np.ndarray
    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    min_kwh: np.ndarray
    max_kwh: np.ndarray
    initial_kwh: np.ndarray
    end_kwh: np.ndarray
    eta_in: np.ndarray
    eta_out: np.ndarray
    wear_cny_per_kwh: np.ndarray
    end_value_cny_per_kwh: np.ndarray
    keep_ratio: np.ndarray
    profile: np.ndarray

    def __len__(self) -> int:
        return len(self.site)


@dataclass(frozen=True)
class Fills:
    """Columns (N,): `need_kwh` in the battery, charged at up to `charge_kw` inside [first, end)."""

    site: np.ndarray
    group: np.ndarray
    first: np.ndarray
    end: np.ndarray
    charge_kw: np.ndarray
    eta_in: np.ndarray
    need_kwh: np.ndarray

    def __len__(self) -> int:
        return len(self.site)


@dataclass(frozen=True)
class CallLoads:
    """Columns (N,): loads whose consumption (part of the sites' fixed injection) can be interrupted in calls.

    What can be shed in a period, the cap, is `shed_kw`, or the row `profile` of FleetProblem.shed_profiles_kw, which never
    exceeds shed_kw; it may be 0 in the middle of a call. Where `whole`, a call sheds all of it; else any part, in every
    period anew, without ramp and rebound.

    A call lies in [first, end), lasts at most `max_on` periods and is followed by at least `rest` periods without; at
    most `max_calls` calls and `max_periods` periods in all. In its first `ramp` periods it sheds 1/(ramp+1), 2/(ramp+1), ..
    of the cap; in the `rebound` periods after it the load consumes rebound_ratio x cap more, window or not.
    The owner is paid `cost_cny_per_kwh` for what is shed. A new call may begin only when the rebound is over.

    running = k > 0: a call that began k periods before period 0 is in force. It goes on, before `first` as well, for at
    most max_on - k periods more, or ends at once; it counts neither as a call nor by its periods. Rest, ramp and rebound
    are those of any call.
    """

    site: np.ndarray
    group: np.ndarray
    first: np.ndarray
    end: np.ndarray
    shed_kw: np.ndarray
    cost_cny_per_kwh: np.ndarray
    max_calls: np.ndarray
    max_periods: np.ndarray
    max_on: np.ndarray
    rest: np.ndarray
    ramp: np.ndarray
    rebound: np.ndarray
    rebound_ratio: np.ndarray
    whole: np.ndarray
    running: np.ndarray
    profile: np.ndarray

    def __len__(self) -> int:
        return len(self.site)


@dataclass(frozen=True)
class Market:
    """What the portfolio's injection earns besides the sites' own prices, against `reference_injection_kw` (n,) (signed).

    Above the reference, steps of up_kw (n, K) earn up_price (n, K), falling in K, and the rest pays over_price (n,);
    below it, steps of down_kw cost down_price, rising in K, and the rest costs under_price. Zero steps are allowed.
    """

    reference_injection_kw: np.ndarray
    up_kw: np.ndarray
    up_price_cny_per_kwh: np.ndarray
    down_kw: np.ndarray
    down_price_cny_per_kwh: np.ndarray
    over_price_cny_per_kwh: np.ndarray
    under_price_cny_per_kwh: np.ndarray


@dataclass(frozen=True)
class FleetProblem:
    """`shed_profiles_kw` (P, n): time courses of what loads can shed.

    Raises FleetRefused where shapes do not fit, a number is missing or a value would make cheating pay.
    """

    hours: float
    sites: Sites
    stores: Stores
    fills: Fills
    calls: CallLoads
    market: Market
    groups: Groups
    profiles: Profiles = field(default_factory=lambda: no_profiles(0))
    shed_profiles_kw: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        n, e = self.periods, len(self.sites)
        for part in (self.sites, self.groups, self.profiles, self.stores, self.fills, self.calls, self.market):
            for column in fields(part):
                values = getattr(part, column.name)
                unbounded = column.name == "export_share_ratio"
                if not (np.isfinite(values) | unbounded).all() or np.isnan(values).any():
                    raise FleetRefused(why=f"{type(part).__name__}.{column.name} is missing somewhere")
        for name in ("fixed_injection_kw", "generation_kw", "buy_cny_per_kwh", "sell_cny_per_kwh"):
            if getattr(self.sites, name).shape != (e, n):
                raise FleetRefused(why=f"Sites.{name} has shape {getattr(self.sites, name).shape}, not {(e, n)}")
        if (self.sites.sell_cny_per_kwh > self.sites.buy_cny_per_kwh).any():
            raise FleetRefused(why="a site sells dearer than it buys: importing and exporting at once would pay")
        for part in (self.stores, self.fills, self.calls):
            if len(part) and ((np.diff(part.site) < 0).any() or part.site.min() < 0 or part.site.max() >= e):
                raise FleetRefused(why=f"{type(part).__name__} are not sorted by site")
        if not (np.diff(self.market_values, axis=1) <= 0).all():
            raise FleetRefused(why="the market's prices rise with the quantity: no optimum would be exact")
        for child, parent in enumerate(self.groups.parent.tolist()):
            nested = parent != NO_GROUP and (parent >= child or self.groups.parent[parent] != NO_GROUP)
            if nested or (parent != NO_GROUP and self.groups.site[parent] != self.groups.site[child]):
                raise FleetRefused(why="a group's parent comes before it, is of its site and has no parent itself")
        self._check_calls()

    def _check_calls(self) -> None:
        calls, courses = self.calls, self.shed_profiles_kw
        if len(courses) and courses.shape[1] != self.periods:
            raise FleetRefused(why=f"shed_profiles_kw has shape {courses.shape}, not {(len(courses), self.periods)}")
        if not (courses >= 0).all() or not np.isfinite(courses).all():
            raise FleetRefused(why="shed_profiles_kw is missing or below zero somewhere")
        if (calls.profile >= len(courses)).any() or (calls.profile < NO_PROFILE).any():
            raise FleetRefused(why="a load names a profile that there is not")
        shaped = calls.profile != NO_PROFILE
        if (courses.max(axis=1, initial=0.0)[calls.profile[shaped]] > calls.shed_kw[shaped]).any():
            raise FleetRefused(why="a load's profile exceeds its shed_kw")
        if (~calls.whole & ((calls.ramp > 0) | (calls.rebound > 0))).any():
            raise FleetRefused(why="a load that may be shed in part has a ramp or a rebound")
        if (calls.running < 0).any():
            raise FleetRefused(why="a call has been running for less than nothing")

    @property
    def periods(self) -> int:
        return len(self.market.reference_injection_kw)

    @property
    def n_assets(self) -> int:
        """Assets that are moved, one each; curtailable generation is counted by who builds the problem."""
        return len(self.stores) + len(self.fills) + len(self.calls)

    @property
    def shed_caps_kw(self) -> np.ndarray:
        """(N, n) what every load can shed in every period, a call given [kW]."""
        caps = np.repeat(self.calls.shed_kw[:, None].astype(float), self.periods, axis=1)
        shaped = np.flatnonzero(self.calls.profile != NO_PROFILE)
        if len(shaped):
            caps[shaped] = self.shed_profiles_kw[self.calls.profile[shaped]]
        return caps

    @property
    def market_breaks(self) -> np.ndarray:
        """(n, 2K+1) injections at which the market's value changes, rising [kW]."""
        market = self.market
        above = np.cumsum(market.up_kw, axis=1)
        below = np.cumsum(market.down_kw, axis=1)[:, ::-1]
        offsets = np.concatenate([-below, np.zeros((self.periods, 1)), above], axis=1)
        return market.reference_injection_kw[:, None] + offsets

    @property
    def market_values(self) -> np.ndarray:
        """(n, 2K+2) value of one more kWh between the breaks, falling [CNY/kWh]."""
        market = self.market
        columns = [
            market.under_price_cny_per_kwh[:, None],
            market.down_price_cny_per_kwh[:, ::-1],
            market.up_price_cny_per_kwh,
            -market.over_price_cny_per_kwh[:, None],
        ]
        return np.concatenate(columns, axis=1)


def no_profiles(n_periods: int) -> Profiles:
    return Profiles(*(np.zeros((0, n_periods)) for _ in fields(Profiles)))


def no_groups(n_periods: int) -> Groups:
    whole = np.zeros(0, dtype=np.int64)
    return Groups(whole, whole, np.zeros(0), np.zeros(0), np.zeros((0, n_periods)))


def no_market(n_periods: int) -> Market:
    """Nothing is earned or paid besides the sites' own prices."""
    row, steps = np.zeros(n_periods), np.zeros((n_periods, 0))
    return Market(row, steps, steps, steps, steps, row, row)

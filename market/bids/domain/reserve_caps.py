"""What each storage could keep free for a call, and who holds what of a sum: reserve is sold of single assets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain.storage import StorageSpec
from aggregator.dispatch.domain import AssetFacts, ScheduleProblem
from aggregator.dispatch.domain.fleet.devices import Layout
from aggregator.dispatch.domain.fleet.problem import NO_PROFILE, FleetProblem, Stores
from market.bids.domain.risk_clusters import clusters_of
from market.bids.domain.risk_sums import store_kinds


@dataclass(frozen=True)
class ReserveCaps:
    """Per row of the fleet's stores (N,) [kW]: what it can keep free by itself; zero for what may hold none."""

    up_kw: np.ndarray
    down_kw: np.ndarray

    @property
    def holds(self) -> np.ndarray:
        return (self.up_kw > 0) | (self.down_kw > 0)


@dataclass(frozen=True)
class ReserveMembers:
    """Caps of all stores of the fleet (up, down), and per virtual store the keys of its members with theirs."""

    caps_kw: tuple[np.ndarray, np.ndarray] | None
    keys: tuple[tuple[str, ...], ...]
    of_keys_kw: tuple[tuple[np.ndarray, np.ndarray], ...]


NOBODY = ReserveMembers(None, (), ())


def reserve_caps(problem: ScheduleProblem, assets: Mapping[str, AssetFacts], layout: Layout, *, lasting_hours: float) -> ReserveCaps:
    """Storages on a connection of their site, by power, by energy, and by what their site can pass at its expected course.

    Behind a feeder, and up where a share rules the site's export, none is held: nothing there says that a call gets through.
    """
    stores = layout.fleet.stores
    may = np.array([_may_hold(problem, assets[key], key) for key in layout.store_keys], dtype=bool).reshape(len(stores))
    charge_kw, discharge_kw, span_kwh = _always(layout.fleet)
    up = np.minimum(discharge_kw, span_kwh * stores.eta_out / lasting_hours)
    down = np.minimum(charge_kw, span_kwh / (stores.eta_in * lasting_hours))
    out_room, in_room = _rooms(layout.fleet)
    up = np.where(may & np.isinf(layout.fleet.sites.export_share_ratio[stores.site]), up, 0.0)
    down = np.where(may, down, 0.0)
    return ReserveCaps(up * _fits(stores, discharge_kw, out_room), down * _fits(stores, charge_kw, in_room))


def reserve_members(
    problem: ScheduleProblem, assets: Mapping[str, AssetFacts], layout: Layout, *, clusters: int, lasting_hours: float
) -> ReserveMembers:
    """The storages behind each virtual store that may hold reserve, in the order of the parks that `parks_of` makes."""
    caps, label = reserve_caps(problem, assets, layout, lasting_hours=lasting_hours), clusters_of(layout.fleet, clusters)
    of_cluster, kinds = label[layout.fleet.stores.site], store_kinds(layout.fleet)
    rows = [np.flatnonzero(kind & caps.holds & (of_cluster == c)) for c in range(int(label.max()) + 1) for kind in kinds]
    rows = [row for row in rows if len(row)]
    return ReserveMembers(
        caps_kw=(caps.up_kw, caps.down_kw),
        keys=tuple(tuple(layout.store_keys[k] for k in row) for row in rows),
        of_keys_kw=tuple((caps.up_kw[row], caps.down_kw[row]) for row in rows),
    )


def _may_hold(problem: ScheduleProblem, facts: AssetFacts, key: str) -> bool:
    return isinstance(facts.spec, StorageSpec) and facts.movable and key not in problem.group_of


def _always(fleet: FleetProblem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) power to charge and to discharge, and energy between the bounds, that are there in every period."""
    stores, own = fleet.stores, fleet.profiles
    constant = stores.profile == NO_PROFILE
    if constant.all():
        return stores.charge_kw, stores.discharge_kw, np.maximum(0.0, stores.max_kwh - stores.min_kwh)
    least = (own.charge_kw.min(axis=1), own.discharge_kw.min(axis=1), np.maximum(0.0, (own.max_kwh - own.min_kwh).min(axis=1)))
    fixed = (stores.charge_kw, stores.discharge_kw, np.maximum(0.0, stores.max_kwh - stores.min_kwh))
    charge, discharge, span = (np.where(constant, one, many[stores.profile]) for one, many in zip(fixed, least, strict=True))
    return charge, discharge, span


def _rooms(fleet: FleetProblem) -> tuple[np.ndarray, np.ndarray]:
    """(E,) what each connection has left for stores, out and in, when everything else is as expected [kW]."""
    sites = fleet.sites
    net = sites.fixed_injection_kw + sites.generation_kw
    return sites.export_limit_kw - net.max(axis=1), sites.import_limit_kw + sites.fixed_injection_kw.min(axis=1)


def _fits(stores: Stores, power_kw: np.ndarray, room_kw: np.ndarray) -> np.ndarray:
    """(N,) share of its power that each store finds room for when all of its site use theirs at once."""
    wanted = np.bincount(stores.site, power_kw, minlength=len(room_kw))
    share = np.divide(np.maximum(room_kw, 0.0), wanted, out=np.ones_like(wanted), where=wanted > 0)
    return np.minimum(share, 1.0)[stores.site]

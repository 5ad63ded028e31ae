"""How the safe plan stays inside what assets share: feeders, transformers, connections, and the share that may be exported."""

from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain._export_share import beyond_share_kwh
from aggregator.dispatch.domain.problem import ScheduleProblem, SiteProblem

DUST_KW = 1e-9


@dataclass(frozen=True)
class Limit:
    """members: places of the assets in their site."""

    members: np.ndarray
    import_kw: float
    export_kw: float


@dataclass(frozen=True)
class SiteLimits:
    """One site: its assets are the rows `inside` of the park. limits: of groups from the innermost outwards, then the connection.

    bends (N,): generation that can be curtailed and stations, who give way before stores; own (N,): what counts as generation.
    """

    site: SiteProblem
    inside: slice
    limits: list[Limit]
    bends: np.ndarray
    own: np.ndarray

    def within(self, at_kw: np.ndarray, low_kw: np.ndarray, high_kw: np.ndarray) -> np.ndarray:
        """Injections (N,) of one period, those that were beyond a limit moved between low and high as far as that needs."""
        at = at_kw.copy()
        for sign in (1.0, -1.0):
            for limit in self.limits:
                flow = float(at[limit.members].sum())
                over = -flow - limit.import_kw if sign > 0 else flow - limit.export_kw
                for chosen in (self.bends, ~self.bends):  # storage stays idle as long as others can give way
                    if over <= DUST_KW:
                        break
                    room = np.zeros(len(at))
                    members = limit.members[chosen[limit.members]]
                    room[members] = np.maximum(0.0, (high_kw - at if sign > 0 else at - low_kw)[members])
                    room = self.held(room, at, sign)
                    total = float(room.sum())
                    part = min(1.0, over / total) if total > 0 else 0.0
                    at += sign * part * room
                    over -= part * total
        return at

    def held(self, room_kw: np.ndarray, at_kw: np.ndarray, sign: float) -> np.ndarray:
        """Rooms (N,) upwards (sign 1) or downwards (-1), cut by one fraction where a limit could not carry them together."""
        room = room_kw.copy()
        for limit in self.limits:
            total, flow = float(room[limit.members].sum()), float(at_kw[limit.members].sum())
            left = max(0.0, limit.export_kw - flow if sign > 0 else limit.import_kw + flow)
            if total > left:
                room[limit.members] *= left / total
        return room

    def within_share(self, at_kw: np.ndarray, low_kw: np.ndarray, high_kw: np.ndarray, hours: float) -> np.ndarray:
        """Injections (N, n) without as much of the export as goes beyond the share; low, high: what generation can be curtailed to."""
        ratio, own = self.site.export_share_ratio, self.own
        if not 0 <= ratio < 1 or not own.any():
            return at_kw
        beyond = beyond_share_kwh(
            self.site, hours=hours, net_kw=at_kw.sum(axis=0), made_kw=at_kw[own].sum(axis=0), unused_kw=(high_kw - at_kw)[own].sum(axis=0)
        )
        if beyond <= 0:
            return at_kw
        room = np.where((own & self.bends)[:, None], np.maximum(0.0, at_kw - low_kw), 0.0)
        room = np.stack([self.held(room[:, t], at_kw[:, t], -1.0) for t in range(room.shape[1])], axis=1)
        together, export = room.sum(axis=0), np.maximum(0.0, at_kw.sum(axis=0))
        room *= np.divide(np.minimum(together, export), together, out=np.zeros_like(together), where=together > 0)
        relief = (1.0 - ratio) * hours * float(room.sum())
        return at_kw - (min(1.0, beyond / relief) * room if relief > 0 else 0.0)


def site_limits(problem: ScheduleProblem, keys: list[str], bends: np.ndarray) -> list[SiteLimits]:
    """Of every site; keys and bends (N,) in the order of sites."""
    found, first = [], 0
    by_site: dict[str, list[str]] = {name: [] for name in problem.site_keys}
    for key in keys:
        by_site[problem.devices[key][0]].append(key)
    for name, members in by_site.items():
        site, inside = problem.sites[name], slice(first, first + len(members))
        limits = [*_group_limits(problem, members), Limit(np.arange(len(members)), site.import_limit_kw, site.export_limit_kw)]
        own = np.array([key in problem.generators for key in members], dtype=bool)
        found.append(SiteLimits(site, inside, limits, bends[inside], own))
        first = inside.stop
    return found


def _group_limits(problem: ScheduleProblem, keys: list[str]) -> list[Limit]:
    depth: dict[str, int] = {}
    members: dict[str, list[int]] = {}
    for k, key in enumerate(keys):
        around, name = [], problem.group_of.get(key)
        while name is not None:
            around.append(name)
            members.setdefault(name, []).append(k)
            name = problem.groups[name].parent
        depth |= {name: len(around) - place for place, name in enumerate(around)}
    names = sorted(members, key=lambda name: (-depth[name], str(name)))
    groups = problem.groups
    return [Limit(np.array(members[name]), groups[name].import_limit_kw, groups[name].export_limit_kw) for name in names]

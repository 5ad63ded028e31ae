"""The export share goes before the instruction: how much generation may be curtailed for it."""

import numpy as np

from aggregator.dispatch.domain._export_share import spare_generation_kwh
from aggregator.dispatch.domain.instruction.reference import Courses
from aggregator.dispatch.domain.problem import ScheduleProblem


def within_shares(problem: ScheduleProblem, courses: Courses, room_kw: np.ndarray, inside: slice, need_kw: np.ndarray) -> np.ndarray:
    """Rooms downwards (N, T) with those of generation cut where curtailing could take the site beyond the share of its generation.

    What the reference exports may always be curtailed. What it uses may be as far as the whole day's share allows, if after the
    window no more is exported than must be; that is spread over the periods like what they could take of it.
    """
    park, room = courses.park, room_kw.copy()
    injection = park.fixed_kw + courses.net_kw
    first = np.searchsorted(park.site, np.arange(len(problem.sites) + 1)).tolist()
    for e, name in enumerate(problem.site_keys):
        site = problem.sites[name]
        own = np.array([k for k in range(first[e], first[e + 1]) if park.keys[k] in problem.generators], dtype=np.int64)
        if np.isinf(site.export_share_ratio) or not len(own):
            continue
        net, made = injection[first[e] : first[e + 1]].sum(axis=0), injection[own].sum(axis=0)
        cut = np.minimum(np.maximum(0.0, net), (park.down_kw[own] + courses.net_kw[own]).sum(axis=0))
        cut[: inside.stop] = 0.0
        spare = spare_generation_kwh(site, hours=park.hours, net_kw=net - cut, made_kw=made - cut)
        free, together = np.maximum(0.0, net[inside]), room[own].sum(axis=0)
        more = np.minimum(np.maximum(0.0, together - free), need_kw)
        asked = park.hours * float(more.sum())
        if asked > spare:
            most = np.minimum(together, free + spare / asked * more)
            room[own] *= np.divide(most, together, out=np.zeros_like(most), where=together > 0)
    return room

"""A seeded park in the middle of a day, and an instruction to it: what `split_instruction` is measured on.

40 % storage, 25 % EV stations, 20 % loads (every fifth with a ramp), 15 % PV; connections that bind at some of the sites.
"""

import numpy as np

from aggregator.dispatch.domain.split import SplitProblem, rooms, store_energy

SEED = 7
PER_SITE = 50
KINDS = [0.40, 0.25, 0.20, 0.15]  # storage, EV station, load, PV
HOURS = 0.25
MINUTES_TO_START = 10.0
SHARE = 0.6  # of what all can give together
CAP_RATIO = (0.4, 1.2)  # room of a connection, of what its assets can give
ETA = 0.95


def dispatch_park(assets: int, *, seed: int = SEED, per_site: int = PER_SITE, direction: int = 1) -> SplitProblem:
    """An instruction of SHARE of what can be given in `direction` (+1 up, -1 down), in whole watts."""
    rng = np.random.default_rng(seed)
    sites = max(1, assets // per_site)
    site = np.sort(np.arange(assets) % sites)
    kind = rng.choice(len(KINDS), assets, p=KINDS)

    def by_kind(storage: np.ndarray, ev: np.ndarray, load: np.ndarray, sun: np.ndarray) -> np.ndarray:
        return np.choose(kind, [storage, ev, load, sun])

    def drawn(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, assets)

    nothing, endless = np.zeros(assets), np.full(assets, np.inf)
    power = by_kind(drawn(30, 250), rng.choice([7.0, 11.0, 22.0, 60.0], assets), drawn(20, 160), drawn(80, 400))
    now = by_kind(drawn(-0.6, 0.6), -drawn(0, 1), nothing - 0.9, nothing + 0.7) * power
    energy = 2.0 * power
    least, most = store_energy(
        stored_kwh=drawn(0.1, 0.9) * energy, min_kwh=0.1 * energy, max_kwh=0.9 * energy, eta_in=nothing + ETA, eta_out=nothing + ETA
    )
    must_charge = now * HOURS * drawn(0.0, 0.7)  # of what a car takes now, this much cannot wait
    must_run = np.where(rng.random(assets) < 0.8, 0.1, 0.9) * power
    slow = (kind == 2) & (rng.random(assets) < 0.2)
    room = rooms(
        injection_kw=now,
        min_injection_kw=by_kind(-power, -power, now, nothing),
        max_injection_kw=by_kind(power, nothing, -must_run, now),
        min_injection_kwh=by_kind(least, -endless, -endless, -endless),
        max_injection_kwh=by_kind(most, must_charge, endless, endless),
        ramp_kw_per_min=np.where(slow, power / 30.0, np.inf),
        minutes_to_start=MINUTES_TO_START,
        hours=HOURS,
    )
    down, up = np.bincount(site, room.down_room_kw, sites), np.bincount(site, room.up_room_kw, sites)
    site_down, site_up = down * rng.uniform(*CAP_RATIO, sites), up * rng.uniform(*CAP_RATIO, sites)
    pool = np.minimum(up, site_up).sum() if direction > 0 else np.minimum(down, site_down).sum()
    return SplitProblem(
        site=site,
        down_room_kw=room.down_room_kw,
        up_room_kw=room.up_room_kw,
        cost_cny_per_kwh=by_kind(drawn(0.02, 0.12), drawn(0.05, 0.2), drawn(0.35, 1.6), drawn(0.3, 0.4)),
        site_down_kw=site_down,
        site_up_kw=site_up,
        change_kw=direction * round(SHARE * float(pool), 3),
        turn_hours=np.floor(drawn(0, 400)),
        floor_ratio=rng.dirichlet(np.ones(sites)) / 2.0,
    )

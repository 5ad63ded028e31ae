"""Adding up the assets of every place, kind by kind. `place` (N,) = site x locations + location; `shape` = (sites, locations)."""

import numpy as np

from aggregator.dispatch.domain.fleet._rows import Rows, steps
from aggregator.dispatch.domain.fleet._sums import CallSums, FillSums, StoreSums
from aggregator.dispatch.domain.fleet.problem import NO_PROFILE, Fills, FleetProblem

CHUNK = 4096  # stores whose courses are laid out together


def _classes(place: np.ndarray, key: np.ndarray, count: int) -> np.ndarray:
    """Class of every row: equal numbers by rising `key` within each place."""
    if count == 1:
        return np.zeros(len(place), dtype=np.int64)
    order = np.lexsort((key, place))
    sorted_place = place[order]
    begin = np.searchsorted(sorted_place, sorted_place)
    size = np.searchsorted(sorted_place, sorted_place, side="right") - begin
    found = np.empty(len(place), dtype=np.int64)
    found[order] = (np.arange(len(place)) - begin) * count // size
    return found


def rated_powers(problem: FleetProblem) -> tuple[np.ndarray, np.ndarray]:
    """(N,) each: the most that every store can charge and discharge in any period [kW]."""
    stores, profiles = problem.stores, problem.profiles
    charge, discharge = stores.charge_kw.astype(float), stores.discharge_kw.astype(float)
    shaped = np.flatnonzero(stores.profile != NO_PROFILE)
    charge[shaped] = profiles.charge_kw.max(axis=1, initial=0.0)[stores.profile[shaped]]
    discharge[shaped] = profiles.discharge_kw.max(axis=1, initial=0.0)[stores.profile[shaped]]
    return charge, discharge


def add_stores(problem: FleetProblem, place: np.ndarray, shape: tuple[int, int], count: int) -> tuple[StoreSums, ...]:
    """Plain stores by how long they last; then what stays only for a time; then what loses energy or has a profile."""
    stores = problem.stores
    leaky = (stores.keep_ratio < 1.0) | (stores.profile != NO_PROFILE)
    passing = ~leaky & ((stores.first > 0) | (stores.end < problem.periods))
    plain = np.flatnonzero(~leaky & ~passing)
    duration = (stores.max_kwh[plain] - stores.min_kwh[plain]) / np.maximum(stores.charge_kw[plain], 1e-9)
    label = _classes(place[plain], duration, count)
    found = [_plain_stores(problem, plain[label == k], place, shape) for k in range(count) if (label == k).any()]
    for rows, loses in ((np.flatnonzero(passing), False), (np.flatnonzero(leaky), True)):
        if len(rows):
            found.append(_changing_stores(problem, rows, place, shape, leaky=loses))
    return tuple(found)


def _scalars(
    problem: FleetProblem, chosen: np.ndarray, rows: Rows, charge_kw: np.ndarray, discharge_kw: np.ndarray, size_kwh: np.ndarray
) -> dict[str, np.ndarray]:
    """The (S, L) fields but `end_kwh`."""
    stores = problem.stores
    weighted = {
        "charge_kw": charge_kw,
        "discharge_kw": discharge_kw,
        "stored_kw": charge_kw * stores.eta_in[chosen],
        "drawn_kw": discharge_kw / stores.eta_out[chosen],
        "wear_cny_per_h": discharge_kw * stores.wear_cny_per_kwh[chosen],
        "initial_kwh": stores.initial_kwh[chosen],
        "size_kwh": size_kwh,
        "value_cny": size_kwh * stores.end_value_cny_per_kwh[chosen],
        "kept_kwh": size_kwh * stores.keep_ratio[chosen],
    }
    return {name: rows.sum(values) for name, values in weighted.items()}


def _plain_stores(problem: FleetProblem, chosen: np.ndarray, place: np.ndarray, shape: tuple[int, int]) -> StoreSums:
    stores, rows = problem.stores, Rows(place[chosen], shape)
    initial, charge = stores.initial_kwh[chosen], stores.charge_kw[chosen]
    # A store that stands outside its bounds, or cannot reach its end, must not make the whole site impossible.
    low, high = np.minimum(stores.min_kwh[chosen], initial), np.maximum(stores.max_kwh[chosen], initial)
    within = initial + problem.hours * problem.periods * stores.eta_in[chosen] * charge
    end = np.minimum(np.minimum(np.maximum(stores.end_kwh[chosen], low), high), within)
    sums = _scalars(problem, chosen, rows, charge, stores.discharge_kw[chosen], high - low)
    return StoreSums(
        leaky=False,
        **sums,
        end_kwh=rows.sum(end),
        stored_course_kw=sums["stored_kw"][..., None],
        drawn_course_kw=sums["drawn_kw"][..., None],
        min_kwh=rows.sum(low)[..., None],
        max_kwh=rows.sum(high)[..., None],
        drift_kwh=np.zeros((*shape, 1)),
    )


def _changing_stores(problem: FleetProblem, chosen: np.ndarray, place: np.ndarray, shape: tuple[int, int], *, leaky: bool) -> StoreSums:
    stores, profiles = problem.stores, problem.profiles
    rows = Rows(place[chosen], shape)
    totals = np.zeros((5, rows.count, problem.periods))
    charge, discharge = (power[chosen] for power in rated_powers(problem))
    size, shaped = (stores.max_kwh - stores.min_kwh)[chosen], stores.profile[chosen]
    some = np.flatnonzero(shaped != NO_PROFILE)
    size[some] = (profiles.max_kwh - profiles.min_kwh)[shaped[some]].mean(axis=1)
    for part in rows.chunks(CHUNK):
        for total, course in zip(totals, courses(problem, chosen[part], leaky=leaky), strict=True):
            rows.add(total, part, course)
    stored, drawn, low, high, drift = totals.reshape(5, *shape, problem.periods)
    return StoreSums(
        leaky=leaky,
        **_scalars(problem, chosen, rows, charge, discharge, np.maximum(size, 1e-9)),
        end_kwh=low[..., -1],
        stored_course_kw=stored,
        drawn_course_kw=drawn,
        min_kwh=low,
        max_kwh=np.maximum(high, low),
        drift_kwh=drift,
    )


def courses(problem: FleetProblem, chosen: np.ndarray, *, leaky: bool) -> tuple[np.ndarray, ...]:
    """(m, n) each: powers after losses, least and most energy, drift. Before its window a store holds what it comes with, after
    it what it left with; inside, a store without losses at rest is bounded by what it can reach as well."""
    stores, h = problem.stores, problem.hours
    t = np.arange(problem.periods)

    def of(values: np.ndarray) -> np.ndarray:
        return values[chosen][:, None]

    first, end, initial, keep = of(stores.first), of(stores.end), of(stores.initial_kwh), of(stores.keep_ratio)
    inside = (t >= first) & (t < end)
    row = stores.profile[chosen]
    columns = []
    for name in ("charge_kw", "discharge_kw", "min_kwh", "max_kwh"):
        values = np.broadcast_to(of(getattr(stores, name)), inside.shape).copy()
        values[row != NO_PROFILE] = getattr(problem.profiles, name)[row[row != NO_PROFILE]]
        columns.append(values)
    charge, discharge, low, high = columns
    drift = np.zeros(inside.shape)
    drift[row != NO_PROFILE] = problem.profiles.drift_kwh[row[row != NO_PROFILE]]
    stored, drawn = np.where(inside, charge * of(stores.eta_in), 0.0), np.where(inside, discharge / of(stores.eta_out), 0.0)
    drift = np.where(inside, drift, np.where(t < first, (1.0 - keep) * initial, 0.0))
    low, high = np.minimum(low, initial), np.maximum(high, initial)
    if not leaky:
        reach = initial + h * np.cumsum(stored, axis=1)
        high = np.minimum(high, reach)
        low = np.maximum(low, initial - h * np.cumsum(drawn, axis=1))
        needed = np.minimum(of(stores.end_kwh), high[:, -1:])
        low = np.maximum(low, needed - h * (np.cumsum(stored[:, ::-1], axis=1)[:, ::-1] - stored))
    else:
        low = np.where(t == end - 1, np.minimum(np.maximum(low, of(stores.end_kwh)), high), low)
    last = np.take_along_axis(low, end - 1, axis=1), np.take_along_axis(high, end - 1, axis=1)
    if leaky:
        last = np.minimum(last[0], 0.0), last[1]  # what it loses after it has gone is nobody's concern
    low = np.where(t < first, initial, np.where(t < end, low, last[0]))
    high = np.where(t < first, initial, np.where(t < end, high, last[1]))
    return stored, drawn, low, high, drift


def add_fills(fills: Fills, place: np.ndarray, shape: tuple[int, int], n: int, h: float) -> FillSums:
    """Power while plugged in; charged as late as possible and as early as possible, cumulated."""
    power, first, end = fills.charge_kw, fills.first, fills.end
    need = np.minimum(fills.need_kwh / (h * fills.eta_in), power * (end - first))
    full = np.minimum(np.floor(need / np.maximum(power, 1e-12) + 1e-9).astype(np.int64), end - first)
    rest = np.maximum(need - full * power, 0.0)
    cap = steps(place, shape, n, [(first, power), (end, -power)])
    early = steps(place, shape, n, [(first, power), (first + full, rest - power), (first + full + 1, -rest)])
    late = steps(place, shape, n, [(np.maximum(end - full - 1, 0), rest), (end - full, power - rest), (end, -power)])
    most = np.cumsum(early, axis=-1)
    return FillSums(cap, np.minimum(np.cumsum(late, axis=-1), most), most)


def add_calls(problem: FleetProblem, place: np.ndarray, shape: tuple[int, int], count: int) -> tuple[CallSums, ...]:
    """Loads by what shedding costs; what a call in force may still shed counts as well."""
    calls, n = problem.calls, problem.periods
    length = np.maximum(np.minimum(np.minimum(calls.max_on, calls.max_periods), calls.end - calls.first), 1)
    ramped = np.minimum(length, calls.ramp + 1)  # periods that shed j / (ramp + 1) each, j = 1 ..
    shed = (ramped * (ramped + 1) / (2 * (calls.ramp + 1)) + length - ramped) / length
    net = np.maximum(shed - calls.rebound * calls.rebound_ratio / length, 0.0) * calls.shed_kw
    periods = np.minimum(np.minimum(calls.max_periods, calls.max_calls * calls.max_on), calls.end - calls.first).clip(0)
    cost = np.where(net > 0, calls.shed_kw * shed * calls.cost_cny_per_kwh, 0.0)
    budget = net * periods
    special = (calls.profile != NO_PROFILE) | (calls.running > 0)
    label = _classes(place, cost / np.maximum(net, 1e-9), count)
    found = []
    for k in range(count):
        rows = np.flatnonzero(label == k)
        if not len(rows):
            continue
        plain, other = rows[~special[rows]], rows[special[rows]]
        first = np.minimum(calls.first, calls.end)[plain]
        course = steps(place[plain], shape, n, [(first, net[plain]), (calls.end[plain], -net[plain])])
        at = Rows(place[other], shape)
        total = np.zeros((at.count, n))
        for part in at.chunks(CHUNK):
            chosen = other[part]
            courses, budget[chosen] = _special_calls(problem, chosen, net[chosen], periods[chosen])
            at.add(total, part, courses)
        at = Rows(place[rows], shape)
        found.append(CallSums(course + total.reshape(*shape, n), at.sum(budget[rows]), at.sum(net[rows]), at.sum(cost[rows])))
    return tuple(found)


def _special_calls(problem: FleetProblem, chosen: np.ndarray, net_kw: np.ndarray, periods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m, n), (m,): course and budget of loads with a profile or a call in force; that one adds its rest to both."""
    calls, n = problem.calls, problem.periods
    t = np.arange(n)
    caps = np.broadcast_to(calls.shed_kw[chosen, None], (len(chosen), n)).copy()
    shaped = calls.profile[chosen] != NO_PROFILE
    if shaped.any():
        caps[shaped] = problem.shed_profiles_kw[calls.profile[chosen][shaped]]
    caps *= np.divide(net_kw, calls.shed_kw[chosen], out=np.zeros(len(chosen)), where=calls.shed_kw[chosen] > 0)[:, None]
    new = (t >= calls.first[chosen, None]) & (t < calls.end[chosen, None])
    largest = np.sort(np.where(new, caps, 0.0), axis=1)[:, ::-1]
    lasts = np.where(calls.running[chosen] > 0, np.minimum(calls.max_on - calls.running, calls.end)[chosen], 0)
    kept = t < lasts[:, None]
    budget = np.where(t < periods[:, None], largest, 0.0).sum(axis=1) + np.where(kept, caps, 0.0).sum(axis=1)
    return np.where(new | kept, caps, 0.0), budget

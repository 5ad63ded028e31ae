"""Why every asset does what it does, and which limit it stands at: codes; both texts are written for people elsewhere.

Codes are read off the finished schedule, so they describe it whatever solver or fallback made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggregator.assets.domain import Device, Store
from aggregator.assets.domain.storage import Held
from aggregator.dispatch.domain._shared_limits import AT_KW, SharedLimits
from aggregator.dispatch.domain.facts import AssetFacts
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule

REASONS = (
    "uncontrolled",  # cannot be moved, planned at its forecast
    "serve_firm_block",  # moves for the demand-response quantity
    "serve_target",  # moves for the grid's instruction
    "low_price_charge",
    "negative_price_charge",
    "own_surplus_charge",  # stores generation of its own site
    "high_price_discharge",
    "demand_peak",  # keeps the site's import below the charged peak
    "site_import_limit",  # keeps the site inside its import contract
    "site_export_limit",
    "group_import_limit",  # keeps a feeder or transformer inside its limits
    "group_export_limit",
    "export_share",  # keeps the site inside the share of its generation that it may export
    "no_export",  # a limit stands above the plan: the site may export nothing, however bright the day
    "idle_no_gain",
    "charge_at_once",
    "departure_need",  # a car would leave without its energy
    "delayed_for_price",
    "no_car",
    "free_run",  # generation, not curtailed
    "negative_price_curtail",
    "curtail_no_value",
    "high_price_shed",
    "normal_production",
    "catches_up",  # a load after a call
    "cool_more",
    "cool_less",
    "hold_set_point",
    "safe_plan",  # no solver delivered in time
    "released",  # an earlier setpoint is taken back
    "stopped",  # global stop
)
LIMITS = (
    "",
    "charge_power",
    "discharge_power",
    "soc_floor",
    "soc_ceiling",
    "plugged_power",
    "departure_need",
    "available_power",
    "must_run",
    "call_limits",
    "comfort_warm",  # edges of the comfort band
    "comfort_cold",
    "cooling_power",
    "site_import_limit",
    "site_export_limit",
    "group_import_limit",
    "group_export_limit",
    "export_share",
    "reserve",  # held back because it is sold
    "promise",  # the firm block
)
NOT_MOVED = ("uncontrolled", "no_car", "catches_up", "safe_plan")


@dataclass(frozen=True)
class Why:
    reason: str
    limit: str = ""


def explain(problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts] | None = None) -> dict[str, tuple[Why, ...]]:
    """One Why per asset and period. With `assets`, a limit that is narrower for sold reserve is named as that."""
    shared = SharedLimits(problem, schedule)
    found = {}
    for key in problem.asset_keys:
        rows = tuple(_why(problem, schedule, shared, key, t) for t in range(len(problem.grid)))
        held = None if assets is None or key not in assets else assets[key].held
        found[key] = tuple(_promised(_reserved(row, held, t), shared, t) for t, row in enumerate(rows))
    return found


def _reserved(row: Why, held: Held | None, t: int) -> Why:
    """What would be a limit of the battery is the reserve's where some is held back in that direction."""
    if held is None:
        return row
    kept = {"discharge_power": held.up_kw, "soc_floor": held.up_kwh, "charge_power": held.down_kw, "soc_ceiling": held.down_kwh}
    return replace(row, limit="reserve") if row.limit in kept and kept[row.limit][t] > 0 else row


def _promised(row: Why, shared: SharedLimits, t: int) -> Why:
    """Where nothing of its own binds an asset that can be moved, the promise may."""
    return row if row.limit or row.reason in NOT_MOVED else replace(row, limit=shared.promise(t))


def _why(problem: ScheduleProblem, schedule: Schedule, shared: SharedLimits, key: str, t: int) -> Why:
    site, device = problem.devices[key]
    up, down = schedule.up_kw[key][t], schedule.down_kw[key][t]
    if device.up_kw[t] <= AT_KW and device.down_kw[t] <= AT_KW:
        resting = device.store is not None and not (device.up_kw > 0).any() and (device.down_kw > 0).any()
        if down > AT_KW:
            return Why("catches_up")
        return Why("no_car" if resting or device.stays else "normal_production" if device.calls is not None else "uncontrolled")
    if schedule.status == "fallback":
        return Why("safe_plan")
    if device.stays:
        return _car(problem, schedule, shared, key, t)
    if device.store is not None and device.store.drift_kwh is not None:
        return _room(problem, schedule, shared, key, t, device.store)
    if device.store is not None:
        both_ways = (device.up_kw > 0).any()
        return (_storage if both_ways else _charging)(problem, schedule, shared, key, t, device.store)
    if up > AT_KW:
        limit = "must_run" if up >= device.up_kw[t] - AT_KW else ""
        return Why(_asked(problem, t, 1) or shared.relief(key, t) or "high_price_shed", limit)
    if down > AT_KW and device.calls is not None:
        return Why("catches_up")
    if down > AT_KW:
        return Why(_asked(problem, t, -1) or _curtailment(problem, shared, key, t), shared.limit(key, t))
    if device.calls is not None:
        worth = problem.injection_value_cny_per_kwh[t] + problem.sites[site].import_adder_cny_per_kwh[t] > device.up_cost_cny_per_kwh
        return Why("normal_production", "call_limits" if worth or _asked(problem, t, 1) else "")
    return Why("free_run", "available_power")


def _asked(problem: ScheduleProblem, t: int, direction: int) -> str:
    """serve_* where the period asks for a movement in this direction."""
    if problem.direction[t] != direction:
        return ""
    return "serve_target" if problem.wanted[t] else "serve_firm_block"


def _curtailment(problem: ScheduleProblem, shared: SharedLimits, key: str, t: int) -> str:
    limit = shared.limit(key, t)
    if limit in ("group_export_limit", "site_export_limit", "export_share"):
        return limit
    return "negative_price_curtail" if problem.injection_value_cny_per_kwh[t] < 0 else "curtail_no_value"


def _storage(problem: ScheduleProblem, schedule: Schedule, shared: SharedLimits, key: str, t: int, store: Store) -> Why:
    device = problem.devices[key][1]
    limit = _store_limit(device, store.min_kwh[t], store.max_kwh[t], schedule, key, t) or shared.limit(key, t)
    return _both_ways(problem, schedule, shared, key, t, limit)


def _both_ways(problem: ScheduleProblem, schedule: Schedule, shared: SharedLimits, key: str, t: int, limit: str) -> Why:
    site, _ = problem.devices[key]
    up, down = schedule.up_kw[key][t], schedule.down_kw[key][t]
    value = problem.injection_value_cny_per_kwh[t]
    if up > AT_KW:
        return Why(_asked(problem, t, 1) or shared.relief(key, t) or "high_price_discharge", limit)
    if down > AT_KW:
        if value < 0:
            reason = "negative_price_charge"
        elif schedule.export_kw[site][t] - schedule.import_kw[site][t] + down > AT_KW:
            reason = "own_surplus_charge"
        else:
            reason = "low_price_charge"
        return Why(_asked(problem, t, -1) or reason, limit)
    return Why("idle_no_gain", limit)


def _car(problem: ScheduleProblem, schedule: Schedule, shared: SharedLimits, key: str, t: int) -> Why:
    device = problem.devices[key][1]
    here = [stay for stay in device.stays if stay.first <= t < stay.end]
    if not here:
        return Why("no_car")
    stay = here[0]
    left_kwh = float(device.down_kw[t + 1 : stay.end].sum()) * problem.grid.hours * stay.eta_in
    just_in_time = schedule.stored_kwh[key][t] <= stay.end_kwh - left_kwh + AT_KW
    if just_in_time and schedule.down_kw[key][t] > AT_KW:
        return Why("departure_need", "departure_need")
    limit = _store_limit(device, stay.min_kwh, stay.max_kwh, schedule, key, t) or shared.limit(key, t)
    return _both_ways(problem, schedule, shared, key, t, "departure_need" if just_in_time else limit)


def _room(problem: ScheduleProblem, schedule: Schedule, shared: SharedLimits, key: str, t: int, store: Store) -> Why:
    """A building whose air conditioning takes more or less than holds its set point."""
    device = problem.devices[key][1]
    up, down, level = schedule.up_kw[key][t], schedule.down_kw[key][t], schedule.stored_kwh[key][t]
    if level <= store.min_kwh[t] + AT_KW:
        limit = "comfort_warm"
    elif level >= store.max_kwh[t] - AT_KW:
        limit = "comfort_cold"
    elif max(up - device.up_kw[t], down - device.down_kw[t]) >= -AT_KW:
        limit = "cooling_power"
    else:
        limit = shared.limit(key, t)
    if up > AT_KW:
        return Why(_asked(problem, t, 1) or shared.relief(key, t) or "cool_less", limit)
    if down > AT_KW:
        return Why(_asked(problem, t, -1) or "cool_more", limit)
    return Why("hold_set_point", limit)


def _store_limit(device: Device, least_kwh: float, most_kwh: float, schedule: Schedule, key: str, t: int) -> str:
    level = schedule.stored_kwh[key][t]
    if level <= least_kwh + AT_KW:
        return "soc_floor"
    if level >= most_kwh - AT_KW:
        return "soc_ceiling"
    if schedule.up_kw[key][t] >= device.up_kw[t] - AT_KW:
        return "discharge_power"
    return "charge_power" if schedule.down_kw[key][t] >= device.down_kw[t] - AT_KW else ""


def _charging(problem: ScheduleProblem, schedule: Schedule, shared: SharedLimits, key: str, t: int, store: Store) -> Why:
    device = problem.devices[key][1]
    level = schedule.stored_kwh[key][t]
    before = store.initial_kwh if t == 0 else schedule.stored_kwh[key][t - 1]
    charging = schedule.down_kw[key][t] > AT_KW
    if charging and level <= store.min_kwh[t] + AT_KW and store.min_kwh[t] > before + AT_KW:
        return Why("departure_need", "departure_need")
    limit = "plugged_power" if schedule.down_kw[key][t] >= device.down_kw[t] - AT_KW else shared.limit(key, t)
    if level >= store.max_kwh[t] - AT_KW and (t == 0 or before >= store.max_kwh[t - 1] - AT_KW):
        return Why("charge_at_once", limit)
    if charging:
        negative = problem.injection_value_cny_per_kwh[t] < 0
        return Why(_asked(problem, t, -1) or ("negative_price_charge" if negative else "low_price_charge"), limit)
    return Why(_asked(problem, t, 1) or shared.relief(key, t) or "delayed_for_price", limit)


def changes(why: tuple[Why, ...]) -> list[tuple[int, Why]]:
    """Only where reason or limit changes: (first period, why)."""
    return [(t, row) for t, row in enumerate(why) if t == 0 or row != why[t - 1]]

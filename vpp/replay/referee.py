"""Hand the plant's trace and the setpoints of a day to the referee."""

from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.dispatch.models import Setpoint
from aggregator.enterprises.models import Site
from aggregator.kernel.periods import Grid
from vpp.replay.check import AssetTrace, SentSetpoint, SiteLimits, breaches, setpoint_breaches
from vpp.twin.connect import ParkPlaces
from vpp.twin.park_twin import ParkTwin
from vpp.twin.plant import Plant


def traces(plant: Plant, *, grid: Grid) -> list[AssetTrace]:
    """What every asset did in the steps of `grid`, which has the plant's step."""
    window = slice(plant.index(grid.starts_at), plant.index(grid.ends_at))
    found = []
    for code, asset in plant.assets.items():
        trace, stored = plant.traces[code], None
        before_kwh = 0.0
        if trace.stored_kwh:
            stored = np.array(trace.stored_kwh[window])
            before_kwh = trace.stored_kwh[window.start - 1] if window.start else plant.initial_states[code].stored_kwh
        found.append(
            AssetTrace(
                code=code,
                site=asset.site,
                spec=asset.spec,
                injection_kw=np.array(trace.injection_kw[window]),
                natural_kw=natural_kw(plant, code, grid=grid),
                stored_kwh=stored,
                stored_before_kwh=before_kwh,
                **_levels(plant, code, window),
            )
        )
    return found


def _levels(plant: Plant, code: str, window: slice) -> dict[str, Any]:
    """What only rooms and two-way chargers have."""
    spec, states = plant.assets[code].spec, plant.traces[code].states
    if isinstance(spec, AirConditioningSpec):
        before = states[window.start - 1] if window.start else plant.initial_states[code]
        return {"room_c": np.array([state.room_c for state in states[window]]), "room_before_c": before.room_c}
    if isinstance(spec, TwoWayChargerSpec):
        offset = (plant.starts_at - plant.world.grid.starts_at + window.start * plant.step) / timedelta(hours=1)
        moved = [replace(s, arrives_at=s.arrives_at - offset, departs_at=s.departs_at - offset) for s in plant.world.sessions.get(code, ())]
        return {
            "cars": tuple(state.car for state in states[window]),
            "battery_kwh": np.array([state.battery_kwh for state in states[window]]),
            "sessions": tuple(moved),
        }
    return {}


def natural_kw(plant: Plant, code: str, *, grid: Grid) -> np.ndarray | None:
    """The world's power for an asset on a finer or equal grid; None where its kind has none."""
    natural = plant.world.natural_kw.get(code)
    if natural is None:
        return None
    return natural[[plant.world.grid.index(at) for at in grid.starts]]


def referee(*, twin: ParkTwin, places: ParkPlaces, day: date) -> list[dict[str, Any]]:
    """Every breach of the day, as plain rows."""
    plant, periods = twin.plant, twin.grid
    steps = round(periods.resolution / plant.step)
    grid = Grid(periods.starts_at, plant.step, len(periods) * steps)
    sites = Site.objects.filter(enterprise__park_id=places.park_id)
    limits = {site.code: SiteLimits(site.import_limit_kw, site.export_limit_kw) for site in sites}
    found = breaches(
        traces=traces(plant, grid=grid),
        sites=limits,
        starts=grid.starts,
        hours=plant.step / timedelta(hours=1),
        steps_per_period=steps,
    )
    rows = Setpoint.objects.filter(
        plan__portfolio_id=places.portfolio_id, starts_at__gte=periods.starts_at, starts_at__lt=periods.ends_at
    ).values_list("asset__code", "kind", "starts_at", "value_kw", "fallback_kw")
    sent = [SentSetpoint(*row) for row in rows]
    found += setpoint_breaches(setpoints=sent, specs={code: asset.spec for code, asset in plant.assets.items()})
    return [asdict(one) for one in found]

"""The day three ways: as the meters had it, with nobody giving an order, and with perfect foresight.

The same weather, prices, contracts, meters and start; see docs/architecture.md section 4.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from aggregator.assets.domain import (
    Envelope,
    Session,
    Stay,
    air_conditioning,
    ev_station,
    generation,
    kind_of,
    load,
    storage,
    two_way_charger,
)
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.assets.domain.storage import StorageSpec
from aggregator.assets.domain.two_way_charger import TwoWayChargerSpec
from aggregator.assets.models import Asset
from aggregator.assets.queries import members_on
from aggregator.dispatch.domain import FirmBlock
from aggregator.dispatch.queries import month_peaks_kw
from aggregator.forecasts.queries import quantiles
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid
from market.bids.models import Bid
from market.rules.domain import Pack, tariff_prices
from market.settlement.domain import settle
from market.settlement.models import SettlementRun
from market.settlement.queries import Gathered, gather
from vpp.comparison import ActualAsset, DayCosts, Shed, SiteDay, SiteTerms, Stored, day_costs, perfect_foresight
from vpp.replay.referee import AssetTrace, traces
from vpp.twin.connect import ParkPlaces
from vpp.twin.meters import count
from vpp.twin.park_twin import ParkTwin, new_plant
from vpp.twin.plant import Plant

PERFECT_DEADLINE_S = 60.0
DEMAND_RESPONSE = ("demand_response.energy", "demand_response.penalty")


class NotNominated(Anticipated):
    code = "replay.not_nominated"
    text = "There is no day-ahead forecast of %(what)s, so the position without us is not known."
    status = 409


@dataclass(frozen=True)
class _Day:
    """What all three ways share. Arrays have the settlement's periods."""

    gathered: Gathered
    terms: dict[str, SiteTerms]
    day_ahead: np.ndarray
    real_time: np.ndarray

    @property
    def grid(self) -> Grid:
        return self.gathered.grid

    def cost(self, *, nominated: dict[str, np.ndarray], metered: dict[str, np.ndarray], **more: Any) -> DayCosts:
        sites = [SiteDay(terms=terms, nominated_wh=nominated[key], metered_wh=metered[key]) for key, terms in sorted(self.terms.items())]
        return day_costs(day=self.gathered.day, grid=self.grid, sites=sites, day_ahead=self.day_ahead, real_time=self.real_time, **more)


def three_ways(*, twin: ParkTwin, places: ParkPlaces, pack: Pack, now: datetime) -> dict[str, Any]:
    """{way: costs in fen, `{way}_reason` where unknown, self-consumption without and with}."""
    found: dict[str, Any] = {}
    try:
        gathered = gather(portfolio_id=places.portfolio_id, day=twin.inputs.day, as_of=now)
        day = _shared(gathered, pack, now)
    except Anticipated as unknown:
        return {f"{way}_reason": str(unknown) for way in ("without", "with", "perfect")}
    alone = new_plant(places, twin.inputs, faults=False)
    alone.advance(day.grid.ends_at)
    for way, work in {
        "with": lambda: _with(day, twin.plant),
        "without": lambda: _without(day, alone),
        "perfect": lambda: _perfect(day, alone),
    }.items():
        try:
            costs = work()
        except Anticipated as unknown:
            found[f"{way}_reason"] = str(unknown)
        else:
            found[way] = {**asdict(costs), "cost_fen": costs.cost_fen}
    found["self_consumption_without"] = self_consumption(alone, day.grid)
    found["self_consumption_with"] = self_consumption(twin.plant, day.grid)
    found["curtailed_kwh_with"] = round(curtailed_kwh(twin.plant, day.grid), 3)
    return found


def _shared(gathered: Gathered, pack: Pack, now: datetime) -> _Day:
    terms = {}
    members = members_on(portfolio_id=gathered.portfolio.id, day=gathered.day)
    peaks = month_peaks_kw(members=members, before=gathered.grid.starts_at, known_at=now)
    for site in gathered.inputs.sites:
        prices = tariff_prices(pack=pack, tariff_class=gathered.sites[site.site].tariff_class, grid=gathered.grid)
        terms[site.site] = SiteTerms(
            site=site.site,
            contract_wh=np.array(site.contract_wh, dtype=float),
            contract_price=prices.energy_cny_per_mwh,
            import_adder=prices.adder_cny_per_mwh,
            demand_price_cny_per_kw_month=prices.demand_price_cny_per_kw_month,
            peak_so_far_kw=peaks.get(gathered.sites[site.site].site_id, 0.0),
        )
    return _Day(
        gathered=gathered,
        terms=terms,
        day_ahead=np.array([float(price) for price in gathered.inputs.day_ahead_prices]),
        real_time=np.array([float(price) for price in gathered.inputs.real_time_prices]),
    )


def _with(day: _Day, plant: Plant) -> DayCosts:
    """Meters and money as settled; wear, shed production and stored energy from the plant itself."""
    inputs, n = day.gathered.inputs, len(day.grid)
    credited = np.zeros(n)
    for event, outcome in zip(inputs.events, settle(inputs).events, strict=True):
        for (_, index), wh in outcome.credited_wh.items():
            credited[index] += event.direction * wh
    newest = (
        SettlementRun.objects.filter(portfolio_id=day.gathered.portfolio.id, delivery_day=day.gathered.day).order_by("-version").first()
    )
    paid = 0 if newest is None else sum(newest.lines.filter(component__in=DEMAND_RESPONSE).values_list("gross_fen", flat=True))
    did = traces(plant, grid=_steps(plant, day.grid))
    return day.cost(
        nominated={site.site: np.array(site.nominated_wh, dtype=float) for site in inputs.sites},
        metered={site.site: np.array([np.nan if wh is None else wh for wh in site.metered_wh], dtype=float) for site in inputs.sites},
        credited_wh=credited,
        award_wh=None if inputs.award_wh is None else np.array(inputs.award_wh, dtype=float),
        demand_response_fen=paid,
        stores=_stores(plant, did, day.grid),
        sheds=_sheds(plant, did),
    )


def _without(day: _Day, alone: Plant) -> DayCosts:
    """Nobody gives an order; the day-ahead position is the forecast of that, as it was when the gate closed."""
    metered = _site_wh(day, alone)
    did = traces(alone, grid=_steps(alone, day.grid))
    nominated = _forecast_wh(day) if day.gathered.inputs.award_wh is not None else _contract_wh(day)
    return day.cost(nominated=nominated, metered=metered, stores=_stores(alone, did, day.grid), sheds=[])


def _contract_wh(day: _Day) -> dict[str, np.ndarray]:
    """No day-ahead trade: the position is the contract curve, as in the settlement."""
    return {key: terms.contract_wh for key, terms in day.terms.items()}


def _forecast_wh(day: _Day) -> dict[str, np.ndarray]:
    """Mean forecast of every asset, added per site [Wh]. Raises NotNominated."""
    award = day.gathered.spot_award
    run_id = None if award is None else Bid.objects.values_list("forecast_run_id", flat=True).get(pk=award.bid.id)
    if run_id is None:
        raise NotNominated(what="the day")
    forecast = quantiles(run_id=run_id, grid=day.grid)
    site_of = {facts.site_id: key for key, facts in day.gathered.sites.items()}
    nominated = {key: np.zeros(len(day.grid)) for key in day.terms}
    for asset in Asset.objects.filter(site_id__in=site_of).order_by("code"):
        mean_kw = np.zeros(len(day.grid)) if asset.kind == "storage" else getattr(forecast.get(asset.pk), "mean", None)
        if mean_kw is None or np.isnan(mean_kw).any():
            raise NotNominated(what=asset.code)
        nominated[site_of[asset.site_id]] += mean_kw * day.grid.hours * 1000
    return nominated


def _perfect(day: _Day, alone: Plant) -> DayCosts:
    """The bidding model on what really happened."""
    site_of = {facts.code: key for key, facts in day.gathered.sites.items()}
    assets = {
        code: ActualAsset(
            site=site_of[asset.site],
            kind=asset.kind,
            spec=asset.spec,
            envelope=_actual_envelope(alone, code, day.grid),
            stored_kwh=_stored_kwh(alone, code),
            stays=_stays(alone, code, day.grid) if isinstance(asset.spec, TwoWayChargerSpec) else None,
        )
        for code, asset in alone.assets.items()
        if asset.site in site_of
    }
    limits = {key: (facts.import_limit_kw, facts.export_limit_kw) for key, facts in day.gathered.sites.items()}
    return perfect_foresight(
        day=day.gathered.day,
        grid=day.grid,
        terms=list(day.terms.values()),
        limits_kw=limits,
        assets=assets,
        day_ahead=day.day_ahead,
        firm=_firm(day),
        deadline_s=PERFECT_DEADLINE_S,
    ).costs


def _firm(day: _Day) -> FirmBlock | None:
    """The invited demand response, at the price that was cleared and with the baseline that settled it."""
    if not day.gathered.inputs.events:
        return None
    event = day.gathered.inputs.events[0]
    window = slice(min(event.ordered_wh), max(event.ordered_wh) + 1)
    to_kw = 1 / 1000 / day.grid.hours
    baseline = [sum(values[t] for values in event.baseline_wh.values()) * to_kw for t in range(window.start, window.stop)]
    invited = Bid.objects.filter(
        portfolio_id=day.gathered.portfolio.id, delivery_day=day.gathered.day, product="demand_response", invitation__isnull=False
    ).first()
    ordered_kw = max(event.ordered_wh.values()) * to_kw
    most_kw = invited.invitation.max_kw if invited and invited.invitation else ordered_kw
    rule = day.gathered.inputs.rule  # what is delivered beyond the order is paid too, up to a ratio: whoever knows the day uses it
    return FirmBlock(
        window=window,
        baseline_kw=np.array(baseline),
        price_cny_per_kwh=np.array([float(event.price_cny_per_mwh[t]) for t in range(window.start, window.stop)]) / 1000,
        max_kw=most_kw * (float(rule.high_ratio) if rule else 1.0),
        direction=event.direction,
    )


def _stored_kwh(plant: Plant, code: str) -> float | None:
    """What a storage or a room holds as the day begins."""
    spec, state = plant.assets[code].spec, plant.initial_states[code]
    if isinstance(spec, AirConditioningSpec):
        return air_conditioning.stored_kwh(spec, state)
    return float(state.stored_kwh) if isinstance(spec, StorageSpec) else None


def _stays(plant: Plant, code: str, grid: Grid) -> tuple[Stay, ...]:
    spec, state = plant.assets[code].spec, plant.initial_states[code]
    assert isinstance(spec, TwoWayChargerSpec)
    plugged = state.battery_kwh if state.car else None
    return two_way_charger.stays_of(spec, _sessions(plant, code, grid), grid=grid, plugged_kwh=plugged)


def _sessions(plant: Plant, code: str, grid: Grid) -> tuple[Session, ...]:
    """Hours from the grid's start; those that are over by then left out."""
    offset = (grid.starts_at - plant.world.grid.starts_at).total_seconds() / 3600
    moved = [replace(s, arrives_at=s.arrives_at - offset, departs_at=s.departs_at - offset) for s in plant.world.sessions.get(code, ())]
    return tuple(session for session in moved if session.departs_at > 0)


def _actual_envelope(plant: Plant, code: str, grid: Grid) -> Envelope:
    asset = plant.assets[code]
    spec, natural = asset.spec, plant.world.natural_kw.get(code)
    if natural is not None:
        natural = natural[plant.world.grid.window(grid.starts_at, grid.ends_at)]
    if isinstance(spec, StorageSpec):
        return storage.envelope(spec, grid=grid, stored_kwh=plant.initial_states[code].stored_kwh)
    if isinstance(spec, GenerationSpec):
        return generation.envelope(spec, grid=grid, available_kw=natural)  # type: ignore[arg-type]
    if isinstance(spec, LoadSpec):
        return load.envelope(spec, grid=grid, load_kw=natural)  # type: ignore[arg-type]
    if isinstance(spec, AirConditioningSpec):
        return air_conditioning.envelope(spec, grid=grid, natural_kw=natural, stored_kwh=_stored_kwh(plant, code))  # type: ignore[arg-type]
    if isinstance(spec, TwoWayChargerSpec):
        return two_way_charger.envelope(spec, grid=grid, stays=_stays(plant, code, grid))
    assert isinstance(spec, EvStationSpec)
    moved = _sessions(plant, code, grid)
    charged = getattr(plant.initial_states[code], "charged_kwh", {})
    cap, least, most = ev_station.bounds_of_sessions(spec, grid=grid, sessions=moved, charged_kwh=charged)
    return ev_station.envelope(spec, grid=grid, cap_kw=cap, least_kwh=least, most_kwh=most)


# --- what the plant did


def _steps(plant: Plant, grid: Grid) -> Grid:
    return Grid(grid.starts_at, plant.step, len(grid) * round(grid.resolution / plant.step))


def _site_wh(day: _Day, plant: Plant) -> dict[str, np.ndarray]:
    by_code = count(plant, grid=day.grid).sites
    return {key: by_code[facts.code].astype(float) for key, facts in day.gathered.sites.items()}


def _stores(plant: Plant, did: list[AssetTrace], grid: Grid) -> list[Stored]:
    """Storages, rooms and cars in two-way chargers; and what stations gave to cars: a car that was put off still has to be charged."""
    hours = plant.step.total_seconds() / 3600
    found = []
    for trace in did:
        spec = trace.spec
        if isinstance(spec, StorageSpec) and trace.stored_kwh is not None:
            discharged = float(np.maximum(0, trace.injection_kw).sum()) * hours
            end_kwh = float(trace.stored_kwh[-1])
            found.append(Stored(trace.stored_before_kwh, end_kwh, discharged, spec.wear_cny_per_kwh, spec.discharge_efficiency))
        elif isinstance(spec, AirConditioningSpec):
            before, after = _states(plant, trace.code, grid)
            cold = [air_conditioning.stored_kwh(spec, state) / spec.cop for state in (before, after)]
            found.append(Stored(cold[0], cold[1], 0.0, 0.0, 1.0))
        elif isinstance(spec, TwoWayChargerSpec):
            # Every car leaves with what it needs; only one that is still there at the end of the day holds something of worth.
            _, after = _states(plant, trace.code, grid)
            discharged = float(np.maximum(0, trace.injection_kw).sum()) * hours
            found.append(Stored(0.0, after.battery_kwh if after.car else 0.0, discharged, spec.wear_cny_per_kwh, spec.discharge_efficiency))
        elif isinstance(spec, EvStationSpec):
            found.append(Stored(0.0, -float(trace.injection_kw.sum()) * hours, 0.0, 0.0, 1.0))
    return found


def _states(plant: Plant, code: str, grid: Grid) -> tuple[Any, Any]:
    """The machine as the grid begins and as it ends."""
    first, end = plant.index(grid.starts_at), plant.index(grid.ends_at)
    states = plant.traces[code].states
    return states[first - 1] if first else plant.initial_states[code], states[end - 1]


def _sheds(plant: Plant, did: list[AssetTrace]) -> list[Shed]:
    hours = plant.step.total_seconds() / 3600
    found = []
    for trace in did:
        if isinstance(trace.spec, LoadSpec) and trace.natural_kw is not None:
            wanted = np.minimum(trace.natural_kw, trace.spec.rated_kw)
            shed_kwh = float(np.maximum(0.0, wanted + trace.injection_kw).sum()) * hours
            found.append(Shed(shed_kwh, trace.spec.shed_cost_cny_per_kwh))
    return found


def curtailed_kwh(plant: Plant, grid: Grid) -> float:
    """Renewable energy that was available and was not generated."""
    hours = plant.step.total_seconds() / 3600
    total = 0.0
    for trace in traces(plant, grid=_steps(plant, grid)):
        if kind_of(plant.assets[trace.code].kind).green:
            available = np.minimum(trace.natural_kw, trace.spec.rated_kw)  # type: ignore[attr-defined,arg-type]
            total += float(np.maximum(0.0, available - np.maximum(0.0, trace.injection_kw)).sum()) * hours
    return total


def self_consumption(plant: Plant, grid: Grid) -> float | None:
    """Share of the renewable energy that was available and was used inside the park in the same period."""
    generated, used, available = np.zeros(len(grid)), np.zeros(len(grid)), 0.0
    per_period = round(grid.resolution / plant.step)
    for trace in traces(plant, grid=_steps(plant, grid)):
        mean_kw = trace.injection_kw.reshape(-1, per_period).mean(axis=1)
        if kind_of(plant.assets[trace.code].kind).green:
            generated += np.maximum(0, mean_kw)
            available += float(np.minimum(trace.natural_kw, trace.spec.rated_kw).sum()) / per_period  # type: ignore[attr-defined,arg-type]
        else:
            used += np.maximum(0, -mean_kw)
    return None if available == 0 else float(np.minimum(generated, used).sum() / available)

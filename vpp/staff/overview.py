"""The tiles of the control room: live power, what can be moved, who is heard, what is open."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from aggregator.assets.queries import PortfolioFacts, members_on, portfolios
from aggregator.forecasts.models import AvailabilityForecast, ForecastRun
from aggregator.kernel.periods import day_of
from aggregator.support.arrays import unpack_f4
from aggregator.support.models import Alarm
from market.instructions.models import DispatchInstruction
from market.settlement.models import SettlementRun
from vpp.last_data import STALE, Heard, heard


@dataclass(frozen=True)
class Movable:
    """Firm power that can be moved now [kW] and for how long it lasts at that power [h]."""

    up_kw: float
    up_hours: float
    down_kw: float
    down_hours: float
    issued_at: datetime


@dataclass(frozen=True)
class Overview:
    """`last_day`, `as_of`: the last day and moment with data, where all data is older than a day; else None and now."""

    as_of: datetime
    last_day: date | None
    live_kw: float | None
    online: int
    total: int
    newest_at: datetime | None
    movable: Movable | None
    open_instruction: DispatchInstruction | None
    last_run: SettlementRun | None
    open_alarms: int
    portfolios: list[PortfolioFacts]


def _movable(portfolio_id: int, at: datetime) -> Movable | None:
    run = ForecastRun.objects.filter(portfolio_id=portfolio_id, available_at__lte=at, starts_at__lte=at).order_by("-issued_at").first()
    if run is None:
        return None
    envelope = AvailabilityForecast.objects.filter(run=run, asset=None, level="firm").first()
    hours = run.resolution_s / 3600
    first = int((at - run.starts_at).total_seconds() // run.resolution_s)
    if envelope is None or not 0 <= first < run.n_periods:
        return None
    base, low, high = (unpack_f4(getattr(envelope, name))[first:] for name in ("base_kw", "min_kw", "max_kw"))
    up, down = high - base, base - low
    return Movable(float(up[0]), _lasting(up, hours), float(down[0]), _lasting(down, hours), run.issued_at)


def _lasting(kw: np.ndarray, hours: float) -> float:
    """How long at least the first period's power can be held [h]."""
    if not len(kw) or kw[0] <= 0:
        return 0.0
    short = np.flatnonzero(kw < kw[0] * 0.95)
    return float((short[0] if len(short) else len(kw)) * hours)


def heard_of(*, portfolio: PortfolioFacts, now: datetime) -> Heard:
    """The newest telemetry of the portfolio's members of today."""
    return heard(asset_ids=[m.asset_id for m in members_on(portfolio_id=portfolio.id, day=day_of(now))], now=now)


def overview(*, portfolio: PortfolioFacts, now: datetime, heard: Heard) -> Overview:
    """The tiles as of the moment of `heard`; instructions, runs and alarms as of now."""
    members = members_on(portfolio_id=portfolio.id, day=day_of(now))
    fresh = [(row.at, row.injection_kw) for row in heard.rows.values() if heard.at - row.at <= STALE and row.injection_kw is not None]
    instructions = DispatchInstruction.objects.filter(portfolio_id=portfolio.id, state__in=("received", "executing"), ends_at__gt=now)
    return Overview(
        as_of=heard.at,
        last_day=heard.last_day,
        live_kw=sum(kw for _, kw in fresh) if fresh else None,
        online=len(fresh),
        total=len(members),
        newest_at=max((at for at, _ in fresh), default=None),
        movable=_movable(portfolio.id, heard.at),
        open_instruction=instructions.order_by("starts_at").first(),
        last_run=SettlementRun.objects.filter(portfolio_id=portfolio.id).exclude(state="superseded").first(),
        open_alarms=Alarm.objects.filter(cleared_at=None, acknowledged_at=None).count(),
        portfolios=portfolios(),
    )

"""What planning reads for a portfolio's day: rules, periods, prices and tariffs as the scheduler takes them."""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.assets.queries import PortfolioFacts, SiteFacts, portfolio, sites_on
from aggregator.dispatch.domain import peak_price_cny_per_kw
from aggregator.dispatch.operations import Prices
from aggregator.enterprises.queries import park
from aggregator.kernel.periods import Grid, delivery_day
from market.rules.domain import DayTimes, Pack, day_times, figure, tariff_prices
from market.rules.queries import pack_on


@dataclass(frozen=True)
class PlanningDay:
    """A portfolio's delivery day under its rules; `grid` has the spot market's periods."""

    portfolio: PortfolioFacts
    day: date
    tz: ZoneInfo
    pack: Pack
    times: DayTimes
    grid: Grid
    sites: tuple[SiteFacts, ...]


def planning_day(*, portfolio_id: int, day: date) -> PlanningDay:
    """Raises NotFound, NoRulePack, FigureUnknown."""
    facts = portfolio(portfolio_id=portfolio_id)
    tz = ZoneInfo(park(park_id=facts.park_id).time_zone)
    pack = pack_on(park_id=facts.park_id, day=day)
    grid = delivery_day(day, resolution=timedelta(seconds=figure(pack=pack, path="spot.resolution_s")), tz=tz)
    return PlanningDay(
        facts, day, tz, pack, day_times(pack=pack, day=day, tz=tz), grid, tuple(sites_on(portfolio_id=portfolio_id, day=day))
    )


def planning_prices(plan: PlanningDay, *, value_cny_per_mwh: np.ndarray) -> Prices:
    """The day's prices: an injected kWh is worth the market's price, an imported one costs the tariff's adders.

    The demand charge counts above the month's largest import so far (`peak_price_cny_per_kw`); what is left in a store is worth
    the day's mean price. `value_cny_per_mwh` has the shape of the day's grid. Raises UnknownTariffClass, FigureUnknown.
    """
    tariffs = {site.site_id: tariff_prices(pack=plan.pack, tariff_class=site.tariff_class, grid=plan.grid) for site in plan.sites}
    value = np.asarray(value_cny_per_mwh, dtype=float) / 1000
    return Prices(
        injection_value_cny_per_kwh=value,
        import_adder_cny_per_kwh={site_id: tariff.adder_cny_per_mwh / 1000 for site_id, tariff in tariffs.items()},
        demand_price_cny_per_kw={
            site_id: peak_price_cny_per_kw(tariff.demand_price_cny_per_kw_month, day=plan.day) for site_id, tariff in tariffs.items()
        },
        terminal_value_cny_per_kwh=float(value.mean()),
    )

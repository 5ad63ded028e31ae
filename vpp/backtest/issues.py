"""When a forecast would have been issued for the tested days, and which of its periods count for which horizon."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid, day_of, delivery_day, midnight
from market.rules.domain import day_times
from market.rules.queries import pack_on
from vpp.backtest.plan import DAY, Plan
from vpp.daycycle_inputs import market_grid

DAY_AHEAD = "day_ahead"
LEADS = {
    "15min": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
}  # from the hour of the issue to the end of a period
HORIZONS = (*LEADS, DAY_AHEAD)
USUAL_HOUR = timedelta(hours=10)
EVERY_HOURS = 4
ARRIVES_IN = timedelta(minutes=1)  # what was measured up to the hour, at a re-issue


@dataclass(frozen=True)
class Issue:
    """`day`: which it is for. A re-issue is for the day on which it is made, and for the hours from the last full one on."""

    issued_at: datetime
    day: date
    grid: Grid
    periods: dict[str, slice]

    @property
    def what(self) -> str:
        return DAY_AHEAD if DAY_AHEAD in self.periods else "re-issue"


def issues_of(plan: Plan, issue_day: date) -> list[Issue]:
    """What was issued on a local day, in order of time: what an issue has learned is there for the next."""
    found = []
    if issue_day + DAY <= plan.last:
        found.append(_day_ahead(plan, issue_day + DAY))
    if issue_day >= plan.first:
        # Other hours on the next day: in EVERY_HOURS days every hour has its turn.
        hours = range(issue_day.toordinal() % EVERY_HOURS, 24, EVERY_HOURS)
        resolution = _times(plan, issue_day)[1].resolution
        reissues = [_reissue(plan, issue_day, midnight(issue_day, tz=plan.tz) + timedelta(hours=hour), resolution) for hour in hours]
        found += [issue for issue in reissues if issue.periods]
    return sorted(found, key=lambda issue: issue.issued_at)


def _day_ahead(plan: Plan, day: date) -> Issue:
    issued_at, grid = _times(plan, day)
    return Issue(issued_at, day, grid, {DAY_AHEAD: slice(0, len(grid))})


def _reissue(plan: Plan, day: date, starts_at: datetime, resolution: timedelta) -> Issue:
    grid = Grid(starts_at, resolution, max(LEADS.values()) // resolution)
    periods = {}
    for name, lead in LEADS.items():
        k = lead // resolution - 1
        if not lead % resolution and day_of(grid.starts[k], tz=plan.tz) <= plan.last:
            periods[name] = slice(k, k + 1)
    return Issue(starts_at + ARRIVES_IN, day, grid, periods)


def _times(plan: Plan, day: date) -> tuple[datetime, Grid]:
    """When the day cycle forecasts the day, and its periods; USUAL_HOUR and the park's own resolution where no rules say."""
    try:
        pack = pack_on(park_id=plan.park.id, day=day)
        return day_times(pack=pack, day=day, tz=plan.tz).forecast_at, market_grid(pack=pack, day=day, tz=plan.tz)
    except Anticipated:
        grid = delivery_day(day, resolution=timedelta(seconds=plan.park.resolution_s), tz=plan.tz)
        return midnight(day - DAY, tz=plan.tz) + USUAL_HOUR, grid

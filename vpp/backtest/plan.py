"""What is to be tested: which portfolios of a park, on which days. Refuses what cannot be."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, Min

from aggregator.assets.models import Asset
from aggregator.assets.queries import PortfolioFacts, portfolios
from aggregator.enterprises.domain import ParkFacts
from aggregator.enterprises.queries import parks
from aggregator.forecasts.domain import FOLLOWS_SCHEDULE
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import day_of
from aggregator.telemetry.models import TelemetryDay, TelemetrySample

DAY = timedelta(days=1)
USUAL_DAYS = 14
FIRST_TARGET = 2 * DAY  # after the first day of history: what a day-ahead issue can look at
SETTLED_IN = 9 * DAY  # after the first day of history: a week is learned from before the usual range begins


class UnknownPark(Anticipated):
    code = "backtest.unknown_park"
    text = "There is no park %(park)s; there are: %(known)s."


class UnknownPortfolio(Anticipated):
    code = "backtest.unknown_portfolio"
    text = "The park %(park)s has no portfolio %(portfolio)s; it has: %(known)s."


class UnknownKind(Anticipated):
    code = "backtest.unknown_kind"
    text = "The park %(park)s has no assets of the kind %(kind)s whose forecasts are scored; it has: %(known)s."


class EmptyRange(Anticipated):
    code = "backtest.empty_range"
    text = "There is no day from %(first)s to %(last)s."


class NotOver(Anticipated):
    code = "backtest.not_over"
    text = "The day %(day)s is not over."


class NoHistory(Anticipated):
    code = "backtest.no_history"
    text = "The park %(park)s has no telemetry from which a day could be forecast."


class OutsideHistory(Anticipated):
    code = "backtest.outside_history"
    text = "The telemetry of the park %(park)s lets the days from %(first)s to %(last)s be tested."


@dataclass(frozen=True)
class Plan:
    """`first` and `last` are delivery days; `kind`: only assets of this kind."""

    park: ParkFacts
    portfolios: list[PortfolioFacts]
    kind: str | None
    first: date
    last: date

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.park.time_zone)

    @property
    def issue_days(self) -> list[date]:
        """Local days on which something was issued for the range, in order."""
        return [self.first + k * DAY for k in range(-1, (self.last - self.first).days + 1)]


def plan_of(*, park: str, portfolio: str | None, kind: str | None, first: date | None, last: date | None, now: datetime) -> Plan:
    """Without days: the last USUAL_DAYS of the history. Raises what is named above."""
    loaded = {facts.code: facts for facts in parks()}
    if park not in loaded:
        raise UnknownPark(park=park, known=_named(loaded))
    facts = loaded[park]
    every = portfolios(park_id=facts.id)
    chosen = [one for one in every if portfolio in (None, one.code)]
    if not chosen:
        raise UnknownPortfolio(park=park, portfolio=portfolio or "-", known=_named([one.code for one in every]))
    assets = dict(Asset.objects.filter(portfolio_memberships__portfolio_id__in=[one.id for one in chosen]).values_list("pk", "kind"))
    scored = sorted(set(assets.values()) - FOLLOWS_SCHEDULE)
    if kind is not None and kind not in scored:
        raise UnknownKind(park=park, kind=kind, known=_named(scored))
    if first is not None and last is not None and first > last:
        raise EmptyRange(first=first.isoformat(), last=last.isoformat())
    tz = ZoneInfo(facts.time_zone)
    yesterday = day_of(now, tz=tz) - DAY
    for day in (first, last):
        if day is not None and day > yesterday:
            raise NotOver(day=day.isoformat())
    began, ended = _history([pk for pk, its in assets.items() if its in (scored if kind is None else (kind,))], tz=tz)
    if began is None or ended is None or began + FIRST_TARGET > min(ended, yesterday):
        raise NoHistory(park=park)
    least, most = began + FIRST_TARGET, min(ended, yesterday)
    if any(day is not None and not least <= day <= most for day in (first, last)):
        raise OutsideHistory(park=park, first=least.isoformat(), last=most.isoformat())
    last = most if last is None else last
    first = min(last, max(last - (USUAL_DAYS - 1) * DAY, began + SETTLED_IN)) if first is None else first
    return Plan(facts, chosen, kind, first, last)


def _named(codes: Iterable[str]) -> str:
    return ", ".join(codes) or "-"


def _history(asset_ids: list[int], *, tz: ZoneInfo) -> tuple[date | None, date | None]:
    """First and last local day with power telemetry of these assets."""
    cold = TelemetryDay.objects.filter(asset_id__in=asset_ids, series="injection_kw").aggregate(Min("starts_at"), Max("starts_at"))
    hot = TelemetrySample.objects.filter(asset_id__in=asset_ids).aggregate(Min("at"), Max("at"))
    found = sorted(day_of(at, tz=tz) for at in (*cold.values(), *hot.values()) if at is not None)
    return (found[0], found[-1]) if found else (None, None)

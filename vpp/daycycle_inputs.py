"""What the day cycle looks at before it asks for a step: is everything there that the step needs?

Each `missing_for_...` answers with what is missing, in words for an alarm, or "".
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max

from aggregator.assets.queries import PortfolioFacts, sites_on
from aggregator.dispatch.models import Setpoint
from aggregator.dispatch.queries import current_plan
from aggregator.forecasts.queries import latest_run
from aggregator.kernel.calendar import is_working
from aggregator.kernel.periods import Grid, delivery_day
from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.metering.queries import latest_available_at
from market.bids.domain import POLICY, lookback
from market.bids.models import Bid
from market.instructions.queries import to_complete
from market.prices.models import PriceCurve
from market.prices.queries import curve, history
from market.rules.domain import Pack, figure
from market.settlement.models import SettlementRun

UNSENT = ("draft", "approved")
UNANSWERED = ("submitted", "accepted")
SENT = ("sent", "accepted", "rejected")
MARKETS = ("day_ahead", "real_time")


def market_grid(*, pack: Pack, day: date, tz: ZoneInfo) -> Grid:
    """Periods of the delivery day in the spot market's resolution. Raises FigureUnknown."""
    return delivery_day(day, resolution=timedelta(seconds=figure(pack=pack, path="spot.resolution_s")), tz=tz)


def day_ahead_run(*, portfolio: PortfolioFacts, pack: Pack, day: date, tz: ZoneInfo, known_at: datetime) -> int | None:
    """The forecast run that the bids could be made from."""
    run = latest_run(portfolio_id=portfolio.id, grid=market_grid(pack=pack, day=day, tz=tz), known_at=known_at)
    return run.id if run else None


def missing_for_bids(*, portfolio: PortfolioFacts, pack: Pack, day: date, tz: ZoneInfo, now: datetime) -> str:
    if day_ahead_run(portfolio=portfolio, pack=pack, day=day, tz=tz, known_at=now) is None:
        return "availability forecast"
    alike = [d for d in lookback(day, days=POLICY.history_days) if is_working(d) == is_working(day)]
    if not history(park_id=portfolio.park_id, market="day_ahead", days=alike, known_at=now):
        return "day-ahead prices of like days"
    return ""


def missing_for_schedule(*, portfolio: PortfolioFacts, pack: Pack, day: date, tz: ZoneInfo, now: datetime, wait_for_awards: bool) -> str:
    if day_ahead_run(portfolio=portfolio, pack=pack, day=day, tz=tz, known_at=now) is None:
        return "availability forecast"
    if curve(park_id=portfolio.park_id, market="day_ahead", day=day, known_at=now) is None:
        return "day-ahead prices"
    if wait_for_awards and Bid.objects.filter(portfolio_id=portfolio.id, delivery_day=day, state__in=UNANSWERED).exists():
        return "awards"
    return ""


def missing_for_settlement(*, portfolio: PortfolioFacts, day: date, now: datetime, all_sites: bool) -> str:
    """`all_sites`: every connection has to have a reading; otherwise one of them is enough."""
    for market in MARKETS:
        if curve(park_id=portfolio.park_id, market=market, day=day, known_at=now) is None:
            return f"{market} prices"
    points = set(_connections(portfolio, day))
    read = set(
        MeterReading.objects.filter(metering_point_id__in=points, day=day, available_at__lte=now).values_list(
            "metering_point_id", flat=True
        )
    )
    if not read or (all_sites and read != points):
        codes = MeteringPoint.objects.filter(pk__in=points - read).order_by("code").values_list("code", flat=True)
        return "meter readings: " + ", ".join(codes)
    return ""


def has_bids(*, portfolio: PortfolioFacts, day: date) -> bool:
    return Bid.objects.filter(portfolio_id=portfolio.id, delivery_day=day).exclude(state="withdrawn").exists()


def unsent_bids(*, portfolio: PortfolioFacts, day: date) -> bool:
    return Bid.objects.filter(portfolio_id=portfolio.id, delivery_day=day, state__in=UNSENT).exists()


def approved_bids(*, portfolio: PortfolioFacts, now: datetime) -> list[tuple[int, str]]:
    """(id, public id) of bids that may be sent now."""
    rows = Bid.objects.filter(portfolio_id=portfolio.id, state="approved", gate_closes_at__gt=now)
    return [(row.pk, str(row.public_id)) for row in rows.order_by("delivery_day", "product")]


def settled_as_of(*, portfolio: PortfolioFacts, day: date) -> datetime | None:
    """What the newest settlement run of the day knew; None before the first."""
    runs = SettlementRun.objects.filter(portfolio_id=portfolio.id, delivery_day=day)
    return runs.aggregate(newest=Max("as_of"))["newest"]


def newest_evidence(*, portfolio: PortfolioFacts, day: date, now: datetime) -> datetime | None:
    """When the newest reading or price of the day arrived."""
    prices = PriceCurve.objects.filter(park_id=portfolio.park_id, day=day, available_at__lte=now)
    found = (
        latest_available_at(site_ids=_site_ids(portfolio, day), day=day, known_at=now),
        prices.aggregate(newest=Max("available_at"))["newest"],
    )
    return max((at for at in found if at is not None), default=None)


def days_with_new_evidence(*, portfolio: PortfolioFacts, since: datetime, now: datetime) -> list[date]:
    """Settled days about which something arrived after `since`, however long ago they are."""
    settled = set(SettlementRun.objects.filter(portfolio_id=portfolio.id).values_list("delivery_day", flat=True))
    arrived = {"available_at__gt": since, "available_at__lte": now}
    readings = MeterReading.objects.filter(metering_point__site__enterprise__park_id=portfolio.park_id, day__in=settled, **arrived)
    prices = PriceCurve.objects.filter(park_id=portfolio.park_id, day__in=settled, **arrived)
    return sorted({*readings.values_list("day", flat=True), *prices.values_list("day", flat=True)})


def plan_to_verify(*, portfolio: PortfolioFacts, now: datetime) -> bool:
    """Whether a setpoint that was sent has begun and nobody knows yet whether it is followed."""
    pending = Setpoint.objects.filter(plan__portfolio_id=portfolio.id, outcome="pending", state__in=SENT)
    return pending.filter(starts_at__lt=now, starts_at__gt=now - timedelta(days=2)).exists()


def plan_is_running(*, portfolio: PortfolioFacts, now: datetime) -> bool:
    return current_plan(portfolio_id=portfolio.id, at=now) is not None


def orders_to_complete(*, portfolio: PortfolioFacts, now: datetime) -> bool:
    return to_complete(portfolio_id=portfolio.id, now=now) > 0


def _site_ids(portfolio: PortfolioFacts, day: date) -> list[int]:
    return [site.site_id for site in sites_on(portfolio_id=portfolio.id, day=day)]


def _connections(portfolio: PortfolioFacts, day: date) -> list[int]:
    return list(MeteringPoint.objects.filter(site_id__in=_site_ids(portfolio, day), kind="connection").values_list("pk", flat=True))

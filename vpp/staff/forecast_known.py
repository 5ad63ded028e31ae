"""What was known when a forecast was issued: its weather, what it could not rely on, and which days taught it nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate

from aggregator.assets.models import Commitment
from aggregator.forecasts.domain import HISTORY_DAYS
from aggregator.forecasts.queries import NOT_LEARNED, RunFacts, WeatherIssue, newest_run, runs_covering, weather_issues
from aggregator.kernel.periods import SHANGHAI, day_of, delivery_day
from vpp.staff.access import ChosenDay


@dataclass(frozen=True)
class LeftOut:
    """A local day on which something was not learned from: why, and of how many assets."""

    day: date
    kind: str
    n_assets: int


@dataclass(frozen=True)
class KnownThen:
    """`notes`: what was degraded -> codes of the assets."""

    run: RunFacts
    weather: list[WeatherIssue]
    notes: dict[str, list[str]]
    left_out: list[LeftOut]


def known_then(*, run: RunFacts, park_id: int, day: date, asset_ids: Sequence[int], codes: Sequence[str] | None = None) -> KnownThen:
    """About these assets; `codes`: notes of these only, None = of all."""
    notes: dict[str, list[str]] = {}
    for note in run.notes:
        what, _, code = note.partition(":")
        if codes is None or code in codes:
            notes.setdefault(what, []).append(code)
    issues = weather_issues(park_id=park_id, asset_ids=asset_ids, day=day, known_at=run.issued_at)
    return KnownThen(run, issues, notes, _left_out(run, asset_ids))


def _left_out(run: RunFacts, asset_ids: Sequence[int]) -> list[LeftOut]:
    """Of the days that a forecast learns from, the newest first."""
    since = run.issued_at - timedelta(days=HISTORY_DAYS)
    rows = Commitment.objects.filter(
        asset_id__in=asset_ids, kind__in=NOT_LEARNED, available_at__lte=run.issued_at, starts_at__gte=since, starts_at__lt=run.issued_at
    )
    counted = rows.annotate(day=TruncDate("starts_at", tzinfo=SHANGHAI)).values("day", "kind").annotate(n=Count("asset", distinct=True))
    return [LeftOut(row["day"], row["kind"], row["n"]) for row in counted.order_by("-day", "kind")]


def forecast_day(*, wanted: date | None, portfolio_ids: Sequence[int], now: datetime) -> ChosenDay:
    """The day that was asked for, else the business today, else the first day of the newest forecast."""
    if wanted is not None:
        return ChosenDay(wanted)
    today = day_of(now)
    newest = newest_run(portfolio_ids=portfolio_ids, known_at=now)
    if newest is None or runs_on(portfolio_ids=portfolio_ids, day=today, now=now):
        return ChosenDay(today)
    return ChosenDay(day_of(newest.grid.starts_at), instead_of=today)


def runs_on(*, portfolio_ids: Sequence[int], day: date, now: datetime) -> list[RunFacts]:
    """All that cover a part of the local day, the newest issue first."""
    grid = delivery_day(day, resolution=timedelta(hours=1))
    return runs_covering(portfolio_ids=portfolio_ids, starts_at=grid.starts_at, ends_at=grid.ends_at, known_at=now)


def first_shown(runs: Sequence[RunFacts], day: date) -> RunFacts | None:
    """The newest that covers the whole day, else the newest."""
    grid = delivery_day(day, resolution=timedelta(hours=1))
    whole = [run for run in runs if run.grid.starts_at <= grid.starts_at and run.grid.ends_at >= grid.ends_at]
    return next(iter([*whole, *runs]), None)

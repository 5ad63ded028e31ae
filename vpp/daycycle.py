"""What is due, and the jobs for it: the delivery day's clock.

Every step is a job keyed by (portfolio, day), so asking again changes nothing, and an outage of up to
LOOKBACK is caught up by asking later. A step whose inputs have not arrived waits, with an alarm after
PATIENCE; nothing runs on invented input. Hours come from the rule pack of the delivery day.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from aggregator.assets.queries import PortfolioFacts, portfolios
from aggregator.enterprises.queries import park
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import day_of, midnight
from aggregator.support import jobs
from aggregator.support.alarms import clear_alarm, raise_alarm
from aggregator.support.models import Job
from market.rules.domain import DayTimes, Pack, day_times
from market.rules.queries import pack_on
from vpp import daycycle_inputs as inputs

LOOKBACK = timedelta(days=2)
PATIENCE = timedelta(minutes=30)  # before a waiting step becomes an alarm
AWARD_PATIENCE = timedelta(hours=4)  # before the day is scheduled without an answer of the market
READING_PATIENCE = timedelta(days=1)  # before a day is settled with sites unverified
STAMP = timedelta(minutes=5)
ROLLING = timedelta(minutes=15)  # how often the schedule is looked at again

FORECAST = "aggregator.forecasts.forecast"
PREPARE = "market.bids.prepare"
SUBMIT = "market.bids.submit"
CLOSE_GATE = "market.bids.close_gate"
SCHEDULE = "market.bids.schedule"
VERIFY = "aggregator.dispatch.verify"
REPLAN = "market.bids.replan"
COMPLETE = "market.instructions.complete"
SCORE = "aggregator.forecasts.score"
SETTLE = "market.settlement.settle"


@dataclass(frozen=True)
class Due:
    """A step of one delivery day whose time has come."""

    step: str
    day: date
    since: datetime


def windows(*, times: DayTimes, starts_at: datetime, ends_at: datetime) -> dict[str, tuple[datetime, datetime]]:
    """[from, until) of every step of the delivery day [starts_at, ends_at).

    A forecast is of use until the day is over, a bid until the gate closes, a schedule while the day lasts.
    """
    return {
        "forecast": (times.forecast_at, ends_at),
        "prepare": (times.bid_at, times.gate_closes_at),
        "missed": (times.gate_closes_at, times.gate_closes_at + LOOKBACK),
        "schedule": (times.schedule_at, ends_at),
        "score": (times.settle_at, times.settle_at + LOOKBACK),
        "settle": (times.settle_at, times.settle_at + LOOKBACK),
    }


def days_in_question(*, now: datetime, tz: ZoneInfo) -> list[date]:
    """Delivery days of which a step can be due: from the last that may still be settled to tomorrow."""
    today = day_of(now, tz=tz)
    return [today + timedelta(days=k) for k in range(-LOOKBACK.days - 1, 2)]


def due_steps(*, times: DayTimes, day: date, tz: ZoneInfo, now: datetime) -> list[Due]:
    """Steps of `day` whose window contains `now`, in the order in which they follow one another."""
    found = windows(times=times, starts_at=midnight(day, tz=tz), ends_at=midnight(day + timedelta(days=1), tz=tz))
    return [Due(step, day, since) for step, (since, until) in found.items() if since <= now < until]


def tick(*, now: datetime, only_days: Collection[date] | None = None) -> list[str]:
    """Enqueue what is due for every portfolio. Returns "name key" of the jobs that are new.

    A replay names the days that it plays; the neighbours of a replayed day are left alone.
    """
    fresh: list[str] = []
    for portfolio in portfolios():
        fresh += _Round(portfolio, now).run(only_days)
    return fresh


class _Round:
    """One look at one portfolio."""

    def __init__(self, portfolio: PortfolioFacts, now: datetime) -> None:
        self.portfolio = portfolio
        self.now = now
        self.tz = ZoneInfo(park(park_id=portfolio.park_id).time_zone)
        self.key = f"{portfolio.park_code}/{portfolio.code}"
        self.fresh: list[str] = []

    def run(self, only_days: Collection[date] | None) -> list[str]:
        for day in days_in_question(now=self.now, tz=self.tz):
            if only_days is None or day in only_days:
                self._day(day)
        for day in inputs.days_with_new_evidence(portfolio=self.portfolio, since=self.now - LOOKBACK, now=self.now):
            if only_days is None or day in only_days:
                self._settle_again(day)
        self._rolling()
        return self.fresh

    def _day(self, day: date) -> None:
        try:
            pack = pack_on(park_id=self.portfolio.park_id, day=day)
            times = day_times(pack=pack, day=day, tz=self.tz)
        except Anticipated as problem:
            self._waiting("rules", day, self.now - PATIENCE, str(problem))
            return
        steps: dict[str, Callable[[Due, Pack, DayTimes], str | None]] = {
            "forecast": self._forecast,
            "prepare": self._prepare,
            "missed": self._missed,
            "schedule": self._schedule,
            "score": self._score,
            "settle": self._settle,
        }
        for due in due_steps(times=times, day=day, tz=self.tz, now=self.now):
            missing = steps[due.step](due, pack, times)
            if missing:
                self._waiting(due.step, day, due.since, missing)
            elif missing is not None:
                clear_alarm(kind="daycycle.waiting", key=self._alarm_key(due.step, day), at=self.now)

    # Each step returns what it waits for, "" where it was enqueued now, None where there is nothing to do.

    def _forecast(self, due: Due, pack: Pack, times: DayTimes) -> str | None:
        grid = inputs.market_grid(pack=pack, day=due.day, tz=self.tz)
        return self._once(
            FORECAST,
            self._key(due.day),
            {
                "portfolio_id": self.portfolio.id,
                "issued_at": self.now.isoformat(),
                "starts_at": grid.starts_at.isoformat(),
                "resolution_s": int(grid.resolution.total_seconds()),
                "n_periods": len(grid),
            },
        )

    def _prepare(self, due: Due, pack: Pack, times: DayTimes) -> str | None:
        key = self._key(due.day)
        if self._asked(PREPARE, key):
            return None
        missing = inputs.missing_for_bids(portfolio=self.portfolio, pack=pack, day=due.day, tz=self.tz, now=self.now)
        return missing or self._once(PREPARE, key, self._payload(due.day))

    def _missed(self, due: Due, pack: Pack, times: DayTimes) -> str | None:
        """After the gate: unsent bids are missed; a day in service without any bid is an alarm."""
        if inputs.unsent_bids(portfolio=self.portfolio, day=due.day):
            return self._once(CLOSE_GATE, self._key(due.day), self._payload(due.day))
        if not inputs.has_bids(portfolio=self.portfolio, day=due.day) and self._in_service(due.day, by=times.gate_closes_at):
            key = f"{self.portfolio.id}/{due.day.isoformat()}/spot"
            raise_alarm(kind="bid.missed", key=key, severity="critical", at=self.now, day=due.day.isoformat(), product="spot")
        return None

    def _schedule(self, due: Due, pack: Pack, times: DayTimes) -> str | None:
        key = self._key(due.day)
        if self._asked(SCHEDULE, key) or not self._in_service(due.day, by=self.now):
            return None
        missing = inputs.missing_for_schedule(
            portfolio=self.portfolio,
            pack=pack,
            day=due.day,
            tz=self.tz,
            now=self.now,
            wait_for_awards=self.now < due.since + AWARD_PATIENCE,
        )
        return missing or self._once(SCHEDULE, key, self._payload(due.day))

    def _score(self, due: Due, pack: Pack, times: DayTimes) -> str | None:
        run_id = inputs.day_ahead_run(portfolio=self.portfolio, pack=pack, day=due.day, tz=self.tz, known_at=times.gate_closes_at)
        return None if run_id is None else self._once(SCORE, self._key(due.day), {"run_id": run_id})

    def _settle(self, due: Due, pack: Pack, times: DayTimes) -> str | None:
        if inputs.settled_as_of(portfolio=self.portfolio, day=due.day) or not inputs.has_bids(portfolio=self.portfolio, day=due.day):
            return None
        all_sites = self.now < due.since + READING_PATIENCE
        missing = inputs.missing_for_settlement(portfolio=self.portfolio, day=due.day, now=self.now, all_sites=all_sites)
        return missing or self._enqueue_settlement(due.day)

    def _settle_again(self, day: date) -> None:
        """A later reading or price than the last run knew makes the next version."""
        as_of = inputs.settled_as_of(portfolio=self.portfolio, day=day)
        newest = inputs.newest_evidence(portfolio=self.portfolio, day=day, now=self.now)
        if as_of is not None and newest is not None and newest > as_of:
            self._enqueue_settlement(day, reason="new_evidence")

    def _enqueue_settlement(self, day: date, *, reason: str = "") -> str | None:
        newest = inputs.newest_evidence(portfolio=self.portfolio, day=day, now=self.now)
        stamp = "" if newest is None else newest.astimezone(UTC).isoformat()
        return self._once(SETTLE, f"{self._key(day)}/{stamp}", {**self._payload(day), "as_of": self.now.isoformat(), "reason": reason})

    def _rolling(self) -> None:
        """What follows the running plan: verification every STAMP, a look at the schedule every ROLLING, the end of orders."""
        key = f"{self.key}/{_stamp(self.now, STAMP).isoformat()}"
        if inputs.plan_to_verify(portfolio=self.portfolio, now=self.now):
            self._once(VERIFY, key, {"portfolio_id": self.portfolio.id})
        if inputs.plan_is_running(portfolio=self.portfolio, now=self.now):
            self._once(REPLAN, f"{self.key}/{_stamp(self.now, ROLLING).isoformat()}", {"portfolio_id": self.portfolio.id})
        if inputs.orders_to_complete(portfolio=self.portfolio, now=self.now):
            self._once(COMPLETE, key, {})
        for bid_id, public_id in inputs.approved_bids(portfolio=self.portfolio, now=self.now):
            self._once(SUBMIT, public_id, {"bid_id": bid_id})

    # -- plumbing

    def _key(self, day: date) -> str:
        return f"{self.key}/{day.isoformat()}"

    def _payload(self, day: date) -> dict:
        return {"portfolio_id": self.portfolio.id, "day": day.isoformat()}

    def _asked(self, name: str, key: str) -> bool:
        return Job.objects.filter(name=name, key=key).exists()

    def _once(self, name: str, key: str, payload: dict) -> str | None:
        if self._asked(name, key):
            return None
        jobs.enqueue(name=name, key=key, payload=payload)
        self.fresh.append(f"{name} {key}")
        return ""

    def _in_service(self, day: date, *, by: datetime) -> bool:
        """Whether this clock ran for the day, or just before it, by that time: earlier days were not missed."""
        keys = [self._key(day - timedelta(days=k)) for k in range(LOOKBACK.days + 1)]
        asked = Job.objects.filter(name=FORECAST, key__in=keys).values_list("payload", flat=True)
        return any(datetime.fromisoformat(payload["issued_at"]) <= by for payload in asked)

    def _alarm_key(self, step: str, day: date) -> str:
        return f"{self._key(day)}/{step}"

    def _waiting(self, step: str, day: date, since: datetime, missing: str) -> None:
        if self.now >= since + PATIENCE:
            raise_alarm(
                kind="daycycle.waiting",
                key=self._alarm_key(step, day),
                severity="warning",
                at=self.now,
                step=step,
                day=day.isoformat(),
                missing=missing,
            )


def _stamp(now: datetime, step: timedelta) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // step.total_seconds() * step.total_seconds(), UTC)

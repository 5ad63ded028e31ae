"""Play one delivery day: the twin acts, the product works, and only then does the clock move on."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from django.conf import settings

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import delivery_day
from aggregator.support import clock
from market.rules.domain import Pack, day_times
from market.rules.queries import pack_on
from vpp import daycycle, embedded
from vpp.celery import app
from vpp.park_folder.loader import load_park
from vpp.park_folder.reader import read_descriptor
from vpp.park_folder.schema import ParkFolder
from vpp.park_folder.world import load_world
from vpp.replay.memory import PeakMemory
from vpp.replay.quiet import dead_jobs, free_what_the_dead_hold, left_over, wait_until_quiet
from vpp.replay.referee import referee
from vpp.replay.ticks import CORRECTION, PUBLICATION, READINGS, Tick, ticks
from vpp.replay.ways import three_ways
from vpp.twin.connect import ParkPlaces, places
from vpp.twin.loopback import Product
from vpp.twin.market import PublishedPrices, Rules
from vpp.twin.models import ReplayedDay
from vpp.twin.park_twin import DayInputs, ParkTwin
from vpp.twin.plant import World

PING_SECONDS = 3.0
Say = Callable[[str, float], None]  # (phase, share of the whole that is done)


class NoWorker(Anticipated):
    code = "replay.no_worker"
    text = "No worker answers at the broker; start one: celery -A vpp.celery worker"


class DayOutsideReplay(Anticipated):
    code = "replay.day_outside"
    text = "%(day)s cannot be played: the park folder declares %(first)s to %(last)s as the days to replay."
    status = 422


@dataclass
class Stopwatch:
    """Wall seconds per named step, in the order in which they first began."""

    seconds: dict[str, float] = field(default_factory=dict)

    def measure(self, name: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    @property
    def steps(self) -> list[dict[str, str | float]]:
        return [{"name": name, "seconds": round(seconds, 3)} for name, seconds in self.seconds.items()]


def replay_day(
    *,
    park_dir: Path,
    day: date,
    say: Say,
    data_root: Path | None = None,
    seed: int | None = None,
    speed: float | None = None,
    product_url: str | None = None,
) -> bool:
    """Play `day` of the park in `park_dir` unless it was played already. True where it was played now.

    `seed` moves the twin's chance (lost acknowledgements), None = the park's own. `speed`: business seconds
    per wall second, None = as fast as the work is done. `product_url`: a web server that runs already on the
    same database; None = one in this process. Raises what play() raises, DayOutsideReplay, and what the
    import raises. A day that was broken off is played again from its start: what was under way is finished at the
    business time at which it was left, what was decided stays, and the twin takes the messages that it had taken.
    """
    park = read_descriptor(park_dir)
    if ReplayedDay.objects.filter(park__code=park.code, day=day).exists():
        return False
    if not park.replay.first <= day <= park.replay.last:
        raise DayOutsideReplay(day=day.isoformat(), first=park.replay.first.isoformat(), last=park.replay.last.isoformat())
    watch = Stopwatch()
    with PeakMemory() as memory:
        say("import", 0.0)
        if not left_over():  # else the clock stands where that was left
            clock.set_replay(delivery_day(day, resolution=timedelta(days=1)).starts_at - timedelta(days=1))
        before = day - timedelta(days=1)
        watch.measure("import", partial(load_park, park_dir=park_dir, data_root=data_root, until_day=before))
        replay = _Replay(park=park, park_dir=park_dir, data_root=data_root, day=day, seed=seed, speed=speed, say=say, watch=watch)
        replay.play(product_url)
        replay.sum_up(memory)
    return True


def worker_answers() -> bool:
    """Whether a separate worker process listens at the broker."""
    return bool(app.control.ping(timeout=PING_SECONDS))


class _Replay:
    def __init__(
        self,
        *,
        park: ParkFolder,
        park_dir: Path,
        data_root: Path | None,
        day: date,
        seed: int | None,
        speed: float | None,
        say: Say,
        watch: Stopwatch,
    ) -> None:
        self.day, self.speed, self.say, self.watch = day, speed, say, watch
        self.places: ParkPlaces = places(park_code=park.code)
        self.pack: Pack = pack_on(park_id=self.places.park_id, day=day)
        self.times = day_times(pack=self.pack, day=day)
        self.inputs = self._inputs(park, park_dir, data_root, park.twin.seed if seed is None else seed)
        self.dead = dead_jobs()

    def _inputs(self, park: ParkFolder, park_dir: Path, data_root: Path | None, seed: int) -> DayInputs:
        before = ReplayedDay.objects.filter(park_id=self.places.park_id, day=self.day - timedelta(days=1)).first()
        first = self.day - timedelta(days=1) if before else self.day
        world = load_world(park_dir=park_dir, data_root=data_root, day=first, n_days=2 if before else 1)
        grid = delivery_day(self.day, resolution=world.grid.resolution)
        skip = len(world.grid) - len(grid)

        def prices(market: str) -> PublishedPrices:
            series = park.series[getattr(park.prices, market).series]
            values = getattr(world, f"{market}_cny_per_mwh")[skip:]
            return PublishedPrices(market, grid, values, series.source, series.origin == "synthetic")

        return DayInputs(
            day=self.day,
            scenario=park.twin,
            seed=seed,
            world=World(world.grid, world.natural_kw, world.sessions),
            day_ahead=prices("day_ahead"),
            real_time=prices("real_time"),
            rules=Rules(
                invites_at=self.times.forecast_at - timedelta(minutes=30),
                gate_closes_at=self.times.gate_closes_at,
                publishes_at=grid.starts_at - timedelta(days=1) + PUBLICATION,
                max_spot_steps=self.pack.spot.max_steps if self.pack.spot else None,
            ),
            states=before.states if before else {},
        )

    # --- the day

    def play(self, product_url: str | None) -> None:
        """Raises JobDied, Stuck, ProductRefused, NoWorker."""
        with ExitStack() as parts:
            began = time.monotonic()
            if settings.EMBEDDED_BROKER:
                free_what_the_dead_hold()
                parts.enter_context(embedded.worker())
            elif not worker_answers():
                raise NoWorker()
            product = Product(product_url or parts.enter_context(embedded.web()))
            parts.callback(product.close)
            self.twin = ParkTwin(park=self.places, inputs=self.inputs, product=product, wall_now=clock.wall_now)
            self.twin.start()
            parts.callback(self.twin.stop)
            self.watch.seconds["start"] = time.monotonic() - began
            if left_over():
                self.watch.measure("left over", self._finish)
            plan = ticks(day=self.day, times=self.times, invitation=self.inputs.scenario.invitation)
            for number, tick in enumerate(plan):
                self.say(tick.phase, number / len(plan))
                self._follow(plan[number - 1].at if number else tick.at, tick)

    def _finish(self) -> None:
        """What a broken-off play left is done at the moment at which it was left: a bid needs the forecast known then."""
        self.say("left over", 0.0)
        self.twin.stand_at(clock.now())
        wait_until_quiet(known_dead=self.dead)

    def _follow(self, previous: datetime, tick: Tick) -> None:
        """Everything between two ticks that leaves the twin by itself, then the tick."""
        at = previous
        while (due := self.twin.next_due()) is not None and due < tick.at:
            at = max(at, due)
            self.watch.measure(tick.phase, partial(self._moment, at))
        if self.speed:
            time.sleep((tick.at - previous).total_seconds() / self.speed)
        self.watch.measure(tick.phase, partial(self._moment, tick.at))

    def _moment(self, now: datetime) -> None:
        clock.set_replay(now)
        self.twin.act(now)
        end = self.inputs.day_ahead.grid.ends_at
        if now in (end + READINGS, end + CORRECTION):
            self.twin.post_readings(now, with_correction=now == end + CORRECTION)
        daycycle.tick(now=now, only_days={self.day})
        wait_until_quiet(known_dead=self.dead)

    # --- after it

    def sum_up(self, memory: PeakMemory) -> None:
        """Check the limits, compare the costs, and keep both with the day."""
        self.say("comparison", 1.0)
        found: dict = {}

        def work() -> None:
            found["violations"] = referee(twin=self.twin, places=self.places, day=self.day)
            found["ways"] = three_ways(twin=self.twin, places=self.places, pack=self.pack, now=clock.now())

        self.watch.measure("comparison", work)
        ReplayedDay.objects.create(
            park_id=self.places.park_id,
            day=self.day,
            seed=self.inputs.seed,
            steps=self.watch.steps,
            violations=found["violations"],
            ways=found["ways"],
            states=self.twin.end_states(),
            peak_memory_mib=round(memory.peak_mib, 1),
            start_memory_mib=round(memory.start_mib, 1),
        )

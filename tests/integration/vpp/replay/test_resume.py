"""A day that was broken off: what was under way is finished at the moment at which it was left."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from aggregator.support import clock
from aggregator.support.models import Job
from vpp.replay import conductor

DEMO = Path(__file__).resolve().parents[4] / "fixtures" / "parks" / "demo"
DAY = date(2026, 7, 15)
DAY_BEGINS = datetime(2026, 7, 13, 16, tzinfo=UTC)  # local midnight of the day before
LEFT_AT = datetime(2026, 7, 14, 2, 15, tzinfo=UTC)  # while the bid is computed
pytestmark = pytest.mark.django_db


class Reached(Exception):
    pass


@pytest.fixture
def ends_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(**_) -> None:
        raise Reached

    monkeypatch.setattr(conductor, "load_park", reached)


def begin() -> None:
    with pytest.raises(Reached):
        conductor.replay_day(park_dir=DEMO, day=DAY, say=lambda phase, share: None)


def leave(state: str) -> None:
    clock.set_replay(LEFT_AT)
    Job.objects.create(name="market.bids.prepare", key="demo", state=state, due_at=clock.wall_now(), ring_at=clock.wall_now())


def test_the_clock_stands_where_work_was_left(ends_at_import) -> None:
    leave("running")
    begin()
    assert clock.now() == LEFT_AT


def test_without_such_work_the_day_begins_at_its_beginning(ends_at_import) -> None:
    leave("done")
    begin()
    assert clock.now() == DAY_BEGINS


def test_what_is_left_over_meets_the_twin_at_that_moment_and_only_then_the_day_goes_on(monkeypatch) -> None:
    clock.set_replay(LEFT_AT)
    seen = []

    class Twin:
        def stand_at(self, now: datetime) -> None:
            seen.append(now)

    replay = object.__new__(conductor._Replay)
    replay.twin, replay.say, replay.dead = Twin(), lambda phase, share: seen.append(phase), set()
    monkeypatch.setattr(conductor, "wait_until_quiet", lambda known_dead: seen.append("quiet"))
    replay._finish()
    assert seen == ["left over", LEFT_AT, "quiet"]

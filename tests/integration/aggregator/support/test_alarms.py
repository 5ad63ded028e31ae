"""The same trouble twice is one alarm; trouble that comes back shows again."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.support.alarms import clear_alarm, raise_alarm
from aggregator.support.models import Alarm

pytestmark = pytest.mark.django_db
AT = datetime(2025, 6, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


def trouble(at, **fields):
    return raise_alarm(kind="gateway.silent", key="g1", severity="warning", at=at, **fields)


def test_while_it_is_open_it_is_one_row_that_keeps_its_beginning():
    trouble(AT, minutes=5)
    trouble(AT + HOUR, minutes=65)
    alarm = Alarm.objects.get()
    assert (alarm.raised_at, alarm.fields) == (AT, {"minutes": 5})


def test_it_opens_again_when_the_trouble_comes_back():
    trouble(AT)
    clear_alarm(kind="gateway.silent", key="g1", at=AT + HOUR)
    assert Alarm.objects.get().cleared_at == AT + HOUR
    again = trouble(AT + 2 * HOUR, minutes=1)
    assert (again.cleared_at, again.raised_at, again.fields) == (None, AT + 2 * HOUR, {"minutes": 1})
    assert Alarm.objects.get().cleared_at is None


def test_the_same_news_told_again_does_not_open_it():
    """A repeated job tells of the time before the clearing."""
    trouble(AT)
    clear_alarm(kind="gateway.silent", key="g1", at=AT + HOUR)
    trouble(AT)
    assert Alarm.objects.get().cleared_at == AT + HOUR

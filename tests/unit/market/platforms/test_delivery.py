"""What follows from one delivery attempt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.platforms.domain import verdict
from market.platforms.domain.delivery import WAITS_S, is_stopped, retry_after_s

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def judge(**changes):
    given = {"message_id": "msg_1", "attempt": 1, "status": 500, "retry_after": "", "at": AT}
    return verdict(**{**given, **changes})


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_only_2xx_is_success(status):
    assert judge(status=status).state == "delivered"


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 400, 401, 404, 409, 429, 500, 503])
def test_everything_else_is_tried_again(status):
    assert judge(status=status).state == "pending"


def test_gone_is_final_for_message_and_endpoint():
    judged = judge(status=410)
    assert (judged.state, judged.gone) == ("dead", True)


@pytest.mark.parametrize("attempt", range(1, len(WAITS_S)))
def test_the_wait_is_the_tables_within_a_fifth(attempt):
    waited = (judge(attempt=attempt).next_attempt_at - AT).total_seconds()
    assert 0.8 * WAITS_S[attempt] <= waited <= 1.2 * WAITS_S[attempt]


def test_the_table():
    hours = 3600
    assert (0, 5, 30, 120, 600, 1800, 2 * hours, 5 * hours, 10 * hours, 14 * hours, 20 * hours, 24 * hours) == WAITS_S
    assert judge(attempt=11).state == "pending"
    assert judge(attempt=12).state == "dead"


@given(st.text(max_size=40), st.integers(1, 11))
def test_the_jitter_is_the_messages_own(message_id, attempt):
    assert judge(message_id=message_id, attempt=attempt) == judge(message_id=message_id, attempt=attempt)


def test_messages_do_not_come_back_all_at_once():
    waits = {judge(message_id=f"msg_{k}", attempt=4).next_attempt_at for k in range(50)}
    assert len(waits) == 50


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        (" 7 ", 7),
        ("99999", 3600),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1e9", 0),
        ("٣", 0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Mon, 02 Mar 2026 12:00:00 GMT", 3600),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after_s(text, at=AT) == seconds


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_where_it_is_longer(status):
    assert judge(status=status, retry_after="1800").next_attempt_at == AT + timedelta(minutes=30)
    assert judge(status=status, retry_after="1", attempt=5).next_attempt_at > AT + timedelta(minutes=20)


def test_retry_after_of_another_status_means_nothing():
    assert judge(status=500, retry_after="1800").next_attempt_at < AT + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("failures", "days", "stopped"), [(1, 0, False), (99, 0, False), (100, 0, True), (4, 4, False), (5, 3, True), (50, 2.9, False)]
)
def test_an_endpoint_is_stopped_after_a_hundred_failures_or_three_days(failures, days, stopped):
    assert is_stopped(failures_in_row=failures, failing_since=AT - timedelta(days=days), at=AT) is stopped

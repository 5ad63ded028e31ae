"""Bodies: strict in, exact out."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.platforms.domain import MAX_BODY_BYTES, MessageMalformed, MessageTooLarge, check_message_id, masked, parse, same_data, serialise

AT = datetime(2025, 6, 22, 1, 30, tzinfo=UTC)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), plain, max_size=4))
def test_what_is_written_is_read(data):
    body = serialise(type="bid.submitted", timestamp=AT, data=data)
    envelope = parse(body)
    assert (envelope.type, envelope.timestamp, envelope.data) == ("bid.submitted", AT, data)
    assert same_data(body, data)


def test_times_are_utc_in_the_body():
    body = serialise(type="x", timestamp=AT.astimezone(timezone(timedelta(hours=8))), data={})
    assert body == b'{"type":"x","timestamp":"2025-06-22T01:30:00Z","data":{}}'


def test_the_same_facts_at_another_time_are_the_same_data():
    body = serialise(type="x", timestamp=AT, data={"steps": [{"kw": 1.5}]})
    assert same_data(body, {"steps": [{"kw": 1.5}]})
    assert not same_data(body, {"steps": [{"kw": 1.6}]})


@pytest.mark.parametrize("data", [{"price": Decimal("1.5")}, {"at": AT}])
def test_what_is_not_plain_json_is_refused_not_guessed(data):
    with pytest.raises(TypeError):
        serialise(type="x", timestamp=AT, data=data)


def test_nan_is_not_sent():
    with pytest.raises(ValueError, match="JSON compliant"):
        serialise(type="x", timestamp=AT, data={"kw": float("nan")})


def test_a_body_beyond_the_limit_is_not_written():
    with pytest.raises(MessageTooLarge):
        serialise(type="x", timestamp=AT, data={"text": "x" * MAX_BODY_BYTES})


GOOD = '{"type": "x", "timestamp": "2025-06-22T09:30:00+08:00", "data": {"a": 1}}'


def test_an_offset_is_turned_to_utc():
    assert parse(GOOD.encode()).timestamp == AT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        "价格".encode("gbk"),
        GOOD.replace("1}", "NaN}").encode(),
        GOOD.replace("1}", "Infinity}").encode(),
        GOOD.replace("1}", "1e999}").encode(),
        GOOD.replace('{"a": 1}', "[" * 100_000 + "]" * 100_000).encode(),
        GOOD.replace('{"a": 1}', "[]").encode(),
        GOOD.replace(', "data": {"a": 1}', "").encode(),
        GOOD.replace('"x"', "7").encode(),
        GOOD.replace('"x"', '""').encode(),
        GOOD.replace('"x"', '"a b"').encode(),
        GOOD.replace('"x"', '"a\\u0000"').encode(),
        GOOD.replace('"x"', '"' + "a" * 61 + '"').encode(),
        GOOD.replace("+08:00", "").encode(),
        GOOD.replace("2025-06-22T09:30:00+08:00", "yesterday").encode(),
        GOOD.replace("2025-06-22T09:30:00+08:00", "0001-01-01T00:00:00+08:00").encode(),
        GOOD.replace('"2025-06-22T09:30:00+08:00"', "1750555800").encode(),
    ],
)
def test_what_cannot_be_read_is_refused(body):
    with pytest.raises(MessageMalformed):
        parse(body)


@pytest.mark.parametrize("message_id", ["msg_1", "A-b:c_9", "x" * 120])
def test_identities_that_we_keep(message_id):
    check_message_id(message_id)


@pytest.mark.parametrize("message_id", ["", "x" * 121, "a b", "a.b", "a/b", "消息", "a\n"])
def test_identities_that_we_do_not(message_id):
    with pytest.raises(MessageMalformed):
        check_message_id(message_id)


def test_headers_are_kept_without_what_may_be_secret():
    kept = masked({"Webhook-Id": "msg_1", "Authorization": "Bearer x", "Cookie": "a=b", "Webhook-Signature": "v1,x", "X-Key": "k"})
    assert kept == {"authorization": "***", "cookie": "***", "webhook-id": "msg_1", "webhook-signature": "***", "x-key": "***"}

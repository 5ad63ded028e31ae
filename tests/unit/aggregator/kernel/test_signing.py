"""Signatures: what fits is accepted, any single change is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.kernel.signing import SignatureRefused, new_secret, sign, verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of thirty-two byt").decode()
NOW = 1_750_000_000
BODY = b'{"type":"price.published"}'


def accept(**changes):
    given = {
        "secrets": [SECRET],
        "message_id": "msg_1",
        "timestamp": str(NOW),
        "signature": sign(secret=SECRET, message_id="msg_1", timestamp=NOW, body=BODY),
        "body": BODY,
        "now": NOW,
    }
    verify(**{**given, **changes})


def test_what_was_signed_is_accepted():
    accept()


def test_the_published_vector():
    """Standard Webhooks' own example, as its reference libraries test it."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert sign(secret=secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"message_id": "msg_2"},
        {"message_id": ""},
        {"timestamp": str(NOW + 1)},
        {"timestamp": f"{NOW}.0"},
        {"timestamp": f" {NOW}"},
        {"timestamp": "-1"},
        {"timestamp": "٣" * 10},
        {"timestamp": "9" * 400},
        {"timestamp": ""},
        {"now": NOW + 301},
        {"now": NOW - 301},
        {"secrets": []},
        {"secrets": [OTHER]},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1,é"},
        {"signature": "v2," + sign(secret=SECRET, message_id="msg_1", timestamp=NOW, body=BODY)[3:]},
    ],
)
def test_anything_else_is_refused(changes):
    with pytest.raises(SignatureRefused) as refused:
        accept(**changes)
    assert refused.value.fields == {}


def test_a_signature_up_to_five_minutes_old_or_early_is_fresh():
    accept(now=NOW + 300)
    accept(now=NOW - 300)


def test_a_dot_in_the_identity_may_not_move_the_borders_of_what_was_signed():
    signature = sign(secret=SECRET, message_id="msg", timestamp=NOW, body=f"{NOW}.x".encode())
    with pytest.raises(SignatureRefused):
        accept(message_id=f"msg.{NOW}", body=b"x", signature=signature)


def test_during_a_rotation_both_secrets_and_both_signatures_count():
    new = sign(secret=OTHER, message_id="msg_1", timestamp=NOW, body=BODY)
    old = sign(secret=SECRET, message_id="msg_1", timestamp=NOW, body=BODY)
    accept(secrets=[OTHER, SECRET], signature=old)
    accept(secrets=[SECRET], signature=f"{new} {old}")


def test_new_secrets_are_32_bytes_and_differ():
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32
    assert new_secret() != new_secret()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_an_unusable_secret_is_a_fault_of_ours_not_of_the_sender(secret):
    with pytest.raises(ValueError, match="secret"):
        sign(secret=secret, message_id="msg_1", timestamp=NOW, body=BODY)


@given(body=st.binary(max_size=200), place=st.integers(0, 199), flip=st.integers(1, 255))
def test_one_changed_byte_of_the_body_is_noticed(body, place, flip):
    signature = sign(secret=SECRET, message_id="msg_1", timestamp=NOW, body=body)
    accept(body=body, signature=signature)
    if body:
        changed = bytearray(body)
        changed[place % len(body)] ^= flip
        with pytest.raises(SignatureRefused):
            accept(body=bytes(changed), signature=signature)

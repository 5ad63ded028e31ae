"""Keys and bodies of gateways."""

import gzip

import orjson
import pytest

from aggregator.gateways import domain


def test_a_fresh_key_finds_and_proves_itself():
    key = domain.new_key()
    assert domain.prefix_of(key.text) == key.prefix
    assert domain.fits(key=key.text, sha256=key.sha256)
    assert not domain.fits(key=key.text + "x", sha256=key.sha256)
    assert key.text not in repr(key.sha256)


@pytest.mark.parametrize("text", ["", "vppgw", "vppgw_", "vppgw_short_secret", "other_0123456789ab_secret", "vppgw_0123456789ab_"])
def test_a_text_that_is_no_key_has_no_prefix(text):
    assert domain.prefix_of(text) == ""


def test_no_key_fits_an_empty_digest():
    assert not domain.fits(key="", sha256="")


@pytest.mark.parametrize(
    ("header", "key"), [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("", ""), ("Bearer 密钥", "")]
)
def test_bearer(header, key):
    assert domain.bearer(header) == key


def read(body: bytes, kind="application/json", encoding=""):
    return domain.read_json(body=body, content_type=kind, content_encoding=encoding)


def test_json_and_gzip_say_the_same():
    body = orjson.dumps({"series": [1, None]})
    assert read(body) == read(gzip.compress(body), encoding="gzip") == {"series": [1, None]}


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "status"),
    [
        (b"{}", "text/csv", "", 415),
        (b"{}", "application/json", "br", 415),
        (b"{", "application/json; charset=utf-8", "", 400),
        (b"[]", "application/json", "", 400),
        ("{'a': '中'}".encode("gbk"), "application/json", "", 400),
        (b'{"a": NaN}', "application/json", "", 400),
        (b"not gzip", "application/json", "gzip", 400),
        (gzip.compress(b"{}")[:-6], "application/json", "gzip", 400),
        (b" " * (domain.MAX_BODY_BYTES + 1), "application/json", "", 413),
        (gzip.compress(b"[" * (200 * domain.MAX_BODY_BYTES // 8)), "application/json", "gzip", 413),
    ],
)
def test_a_bad_body_is_refused_by_name(body, kind, encoding, status):
    with pytest.raises(domain.Anticipated) as refused:
        read(body, kind, encoding)
    assert refused.value.status == status

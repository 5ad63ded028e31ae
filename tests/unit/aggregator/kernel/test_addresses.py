"""The outbound address check, as a table."""

import pytest

from aggregator.kernel.addresses import is_public, refusal

PUBLIC = ["1.1.1.1", "114.114.114.114", "2400:3200::1", "2606:4700:4700::1111", "::ffff:1.1.1.1"]
NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::101:101",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:224.0.0.1",
    "::ffff:192.0.0.9",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address):
    assert not is_public(address)


def decide(**changes):
    given = {"scheme": "https", "host": "platform.example", "port": 443, "addresses": ["1.1.1.1"]}
    return refusal(**{**given, **changes})


@pytest.mark.parametrize("changes", [{}, {"port": 8443}, {"addresses": ["1.1.1.1", "2606:4700:4700::1111"]}])
def test_allowed(changes):
    assert decide(**changes) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scheme": "http"}, "https"),
        ({"scheme": "ftp"}, "https"),
        ({"port": 80}, "443"),
        ({"port": 22}, "443"),
        ({"port": 0}, "443"),
        ({"addresses": []}, "resolve"),
        ({"user_info": True}, "user name"),
        ({"addresses": ["127.0.0.1"]}, "public"),
        ({"addresses": ["1.1.1.1", "10.0.0.1"]}, "public"),
    ],
)
def test_refused_and_why(changes, why):
    assert why in decide(**changes)


TWIN = {"scheme": "http", "host": "127.0.0.1", "port": 9000, "addresses": ["127.0.0.1"], "loopback_exception": "127.0.0.1:9000"}


def test_the_named_loopback_exception_is_exact():
    assert decide(**TWIN) is None
    assert decide(**{**TWIN, "host": "::1", "addresses": ["::1"], "loopback_exception": "[::1]:9000"}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"loopback_exception": ""},
        {"loopback_exception": "127.0.0.1:9001"},
        {"port": 9001},
        {"host": "localhost"},
        {"scheme": "https"},
        {"addresses": ["10.0.0.1"]},
        {"addresses": ["127.0.0.1", "1.1.1.1"]},
        {"user_info": True},
    ],
)
def test_anything_beside_the_exception_is_refused(changes):
    assert decide(**{**TWIN, **changes})

"""Where we may send: the decision of the outbound address check (SSRF), without any I/O."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

SCHEME, HTTPS_PORTS = "https", (443, 8443)

# `is_global` of Python 3.11 calls all of these public; none of them is a place for our messages.
DENIED = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64: hides an IPv4 address
        "64:ff9b:1::/48",
        "2002::/16",  # 6to4: hides an IPv4 address
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)


def _unwrapped(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet. IPv4-mapped addresses count as what they hide."""
    address = _unwrapped(text)
    return address.is_global and not any(address.version == net.version and address in net for net in DENIED)


def refusal(
    *,
    scheme: str,
    host: str,
    port: int,
    addresses: Sequence[str],
    user_info: bool = False,
    loopback_exception: str = "",
) -> str | None:
    """Why nothing may be sent to this place, or None where it may.

    `addresses` is everything that `host` resolved to; one address that is not public refuses them all.
    `loopback_exception` is the exact `host:port` that plain http may reach on this machine's loopback.
    """
    if user_info:
        return "the address contains a user name"
    if not addresses:
        return "the host name does not resolve"
    if loopback_exception and scheme == "http" and f"{bracketed(host)}:{port}" == loopback_exception:
        if all(_unwrapped(address).is_loopback for address in addresses):
            return None
        return "the exception is not on the loopback interface"
    if scheme != SCHEME:
        return "only https is allowed"
    if port not in HTTPS_PORTS:
        return "only the ports 443 and 8443 are allowed"
    if not all(is_public(address) for address in addresses):
        return "the host is not on the public internet"
    return None


def bracketed(host: str) -> str:
    """A host as an address writes it: an IPv6 address stands in brackets."""
    return f"[{host}]" if ":" in host else host

"""Outgoing POST to an address that somebody else chose: checked, pinned, bounded, never redirected."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from aggregator.kernel.addresses import bracketed, refusal
from aggregator.kernel.errors import Anticipated

CONNECT_S = 5.0
MAX_BYTES = 64 * 1024
MAX_TEXT = 2000
MAX_URL = 300  # what the columns of endpoints hold
POOLED = 64
DEFAULT_PORTS = {"https": 443, "http": 80}


class AddressRefused(Anticipated):
    code = "http.address_refused"
    text = "Nothing may be sent to %(url)s: %(why)s."
    status = 422


@dataclass(frozen=True)
class Answer:
    """What came back; `status` None = no answer, and `error` says why."""

    status: int | None
    milliseconds: int
    text: str = ""
    error: str = ""
    retry_after: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


_in_flight = threading.local()


class _Noted:
    """Remembers the socket of this thread's call, so that the deadline can cut it."""

    sock: socket.socket | None

    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)  # type: ignore[misc]
        _in_flight.call.attach(self.sock)


class _NotedHTTP(_Noted, HTTPConnection):
    pass


class _NotedHTTPS(_Noted, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _NotedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _NotedHTTPS


class _PinnedAdapter(HTTPAdapter):
    """Connects to the address that was checked; the name stays in SNI, certificate check and Host."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(request, verify, cert)
        if host_params["scheme"] == "https":
            pool_kwargs |= {"server_hostname": host_params["host"], "assert_hostname": host_params["host"]}
        return {**host_params, "host": request.checked_address}, pool_kwargs


_adapter = _PinnedAdapter(pool_connections=POOLED, pool_maxsize=16)


class _Call:
    """The whole-call deadline: a peer that drips one byte at a time is cut off."""

    def __init__(self) -> None:
        self.cut = False
        self.socket: socket.socket | None = None

    def attach(self, connected: socket.socket | None) -> None:
        self.socket = connected
        if self.cut:
            self.stop()

    def stop(self) -> None:
        self.cut = True
        if self.socket is not None:
            with contextlib.suppress(OSError):  # already closed by the other side
                self.socket.shutdown(socket.SHUT_RDWR)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _prepared(url: str, body: bytes, headers: dict[str, str], loopback_exception: str) -> requests.PreparedRequest | str:
    """The request with its checked address, or why it is refused."""
    own = {"Content-Type": "application/json", "User-Agent": "vpp-aggregator", "Accept-Encoding": "identity"}
    try:
        request = requests.Request("POST", url, data=body, headers={**own, **headers}).prepare()
        parts = urlsplit(str(request.url))
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:  # requests.InvalidURL is one, and so is a bad port
        return "this is not an address"
    host = parts.hostname or ""
    addresses = _resolve(host, port) if host else []
    refused = refusal(
        scheme=parts.scheme,
        host=host,
        port=port,
        addresses=addresses,
        user_info="@" in parts.netloc,
        loopback_exception=loopback_exception if settings.VPP_ALLOW_TWIN else "",
    )
    if refused:
        return refused
    request.checked_address = addresses[0]  # type: ignore[attr-defined]
    request.headers["Host"] = bracketed(host) if port == DEFAULT_PORTS[parts.scheme] else f"{bracketed(host)}:{port}"
    return request


def check(url: str) -> None:
    """Refuse an endpoint when it is set, as `post` refuses it (again) whenever something is sent. Raises AddressRefused."""
    found = _prepared(url, b"", {}, "") if len(url) <= MAX_URL else f"it is longer than {MAX_URL} characters"
    if isinstance(found, str):
        raise AddressRefused(url=url[:MAX_URL], why=found)


def post(*, url: str, body: bytes, headers: dict[str, str], loopback_exception: str = "", timeout_s: float = 15.0) -> Answer:
    """POST `body` once. Never raises for what the other side does; no proxy, redirect or cookie is used.

    `loopback_exception` (exact `host:port`, plain http) counts only where VPP_ALLOW_TWIN is on.
    """
    began = time.monotonic()

    def took() -> int:
        return round((time.monotonic() - began) * 1000)

    request = _prepared(url, body, headers, loopback_exception)
    if isinstance(request, str):
        return Answer(status=None, milliseconds=took(), error=request)
    call = _in_flight.call = _Call()
    timer = threading.Timer(timeout_s, call.stop)
    timer.daemon = True
    timer.start()
    try:
        response = _adapter.send(request, stream=True, timeout=(min(CONNECT_S, timeout_s), timeout_s), verify=True)
        text = _read(response)
    except (requests.RequestException, HTTPError, OSError) as problem:
        error = "no answer in time" if call.cut or isinstance(problem, requests.Timeout) else type(problem).__name__
        return Answer(status=None, milliseconds=took(), error=error)
    finally:
        timer.cancel()
    if call.cut:
        return Answer(status=None, milliseconds=took(), error="no answer in time")
    return Answer(status=response.status_code, milliseconds=took(), text=text, retry_after=response.headers.get("Retry-After", "")[:40])


def _read(response: requests.Response) -> str:
    """The first of the answer; a connection with more to come is closed, not reused."""
    data = response.raw.read(MAX_BYTES, decode_content=False)
    if len(data) < MAX_BYTES:
        response.raw.release_conn()
    else:
        response.close()
    # PostgreSQL's text cannot hold NUL.
    return data.decode("utf-8", "replace").replace("\x00", "\ufffd")[:MAX_TEXT]

"""Outgoing calls against real sockets: pinned, bounded, never redirected, loopback only for the twin."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aggregator.kernel import addresses
from aggregator.support import clock, http

BODY = b'{"type":"x"}'


class Peer(ThreadingHTTPServer):
    """A receiver that notes what it got and answers as the test says."""

    daemon_threads = True

    def __init__(self):
        self.requests, self.sni = [], []
        self.answer = (202, {}, b"ok")
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request, client_address):
        """A client that refuses our certificate, or hangs up, is part of these tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body, self.client_address))
        status, headers, content = self.server.answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    do_POST = do_GET = answer  # noqa: N815  (names that the standard library looks for)

    def log_message(self, *args):
        pass


@pytest.fixture
def peer():
    server = Peer()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def call(peer, settings):
    settings.VPP_ALLOW_TWIN = True

    def post(path="/hook", **changes):
        place = f"127.0.0.1:{peer.server_port}"
        given = {"url": f"http://{place}{path}", "body": BODY, "headers": {"webhook-id": "msg_1"}, "loopback_exception": place}
        return http.post(**{**given, **changes})

    return post


def test_the_bytes_and_headers_arrive(peer, call):
    answer = call("/hook?a=1")
    assert (answer.status, answer.text, answer.error, answer.ok) == (202, "ok", "", True)
    path, headers, body, _ = peer.requests[0]
    assert (path, body) == ("/hook?a=1", BODY)
    assert headers["Host"] == f"127.0.0.1:{peer.server_port}"
    assert (headers["webhook-id"], headers["Content-Type"]) == ("msg_1", "application/json")


def test_connections_are_reused(peer, call):
    for _ in range(3):
        assert call().ok
    assert len({address for *_, address in peer.requests}) == 1


def test_the_loopback_exception_is_refused_in_production(peer, call, settings):
    settings.VPP_ALLOW_TWIN = False
    answer = call()
    assert (answer.status, answer.error) == (None, "only https is allowed")
    assert peer.requests == []


def test_without_the_exception_loopback_is_refused(peer, call):
    assert call(loopback_exception="").status is None
    assert call(loopback_exception="127.0.0.1:1").status is None
    assert call(url=f"http://localhost:{peer.server_port}/").status is None
    assert peer.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user:word@1.1.1.1/",
        "https://1.1.1.1:22/",
        "https://1.1.1.1:99999/",
        "ftp://1.1.1.1/",
        "file:///etc/passwd",
        "//1.1.1.1/",
        "https://",
        "",
        "https://name.invalid/",
        "https://" + "a" * 300 + ".example/",
    ],
)
def test_places_that_nothing_is_sent_to(url, monkeypatch):
    def connected(*args, **kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(http._adapter, "send", connected)
    answer = http.post(url=url, body=BODY, headers={})
    assert answer.status is None
    assert answer.error


def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch):
    monkeypatch.setattr(http, "_resolve", lambda host, port: ["1.1.1.1", "10.0.0.1"])
    assert http.post(url="https://platform.example/", body=BODY, headers={}).error == "the host is not on the public internet"


def test_a_redirect_is_an_answer_and_is_not_followed(peer, call):
    peer.answer = (302, {"Location": f"http://127.0.0.1:{peer.server_port}/elsewhere"}, b"")
    answer = call()
    assert (answer.status, answer.ok) == (302, False)
    assert len(peer.requests) == 1


def test_cookies_are_not_kept(peer, call):
    peer.answer = (200, {"Set-Cookie": "a=b"}, b"")
    call()
    call()
    assert "Cookie" not in peer.requests[1][1]


def test_proxies_of_the_environment_are_not_used(peer, call, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert call().ok


def test_retry_after_is_handed_on_and_not_slept_on(peer, call):
    peer.answer = (503, {"Retry-After": "3600"}, b"")
    answer = call()
    assert (answer.status, answer.retry_after) == (503, "3600")
    assert len(peer.requests) == 1


def test_a_long_answer_is_cut(peer, call):
    peer.answer = (200, {}, b"x" * 5_000_000)
    answer = call()
    assert (answer.status, len(answer.text)) == (200, http.MAX_TEXT)
    assert call().ok, "the half-read connection is not reused"


def test_bytes_that_are_no_text_can_be_stored(peer, call):
    peer.answer = (200, {}, b"\x00\xff")
    assert call().text == "\ufffd\ufffd"


def test_a_compressed_bomb_is_not_unpacked(peer, call):
    peer.answer = (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b not really")
    answer = call()
    assert answer.ok
    assert peer.requests[0][1]["Accept-Encoding"] == "identity"


def test_nobody_there(call):
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    answer = call(url=f"http://{place}/", loopback_exception=place)
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_peer_that_drips_is_cut_off_at_the_deadline(call, said):
    """Silent, endless header, endless body: the deadline is for the whole call, not for one read."""
    stop = threading.Event()

    def drip(listener):
        connection, _ = listener.accept()
        with contextlib.suppress(OSError):
            connection.sendall(said)
            while not stop.wait(0.1):
                if said:
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        began = time.monotonic()
        answer = call(url=f"http://{place}/", loopback_exception=place, timeout_s=0.6)
        stop.set()
    assert (answer.status, answer.error) == (None, "no answer in time")
    assert time.monotonic() - began < 2


def test_an_answer_that_is_not_http(call):
    def babble(listener):
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"220 mail.example ESMTP\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=babble, args=(listener,), daemon=True).start()
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        answer = call(url=f"http://{place}/", loopback_exception=place)
    assert answer.status is None
    assert answer.error


def certificate(tmp_path, name):
    """A self-signed certificate for `name`: files of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.wall_now() - dt.timedelta(days=1))
        .not_valid_after(clock.wall_now() + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


@pytest.fixture
def secure_peer(peer, tmp_path, monkeypatch):
    """The peer behind TLS as `platform.example`, resolved to this machine as if that were public."""
    chain, key = certificate(tmp_path, "platform.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.sni_callback = lambda connection, name, ctx: peer.sni.append(name)
    peer.socket = context.wrap_socket(peer.socket, server_side=True)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(chain))
    monkeypatch.setattr(addresses, "HTTPS_PORTS", (peer.server_port,))
    monkeypatch.setattr(addresses, "is_public", lambda text: ipaddress.ip_address(text).is_loopback)
    monkeypatch.setattr(http, "_resolve", lambda host, port: ["127.0.0.1"])
    return peer


def test_tls_goes_to_the_checked_address_under_the_name(secure_peer):
    answer = http.post(url=f"https://platform.example:{secure_peer.server_port}/hook", body=BODY, headers={})
    assert (answer.status, answer.error) == (202, "")
    assert secure_peer.sni == ["platform.example"]
    assert secure_peer.requests[0][1]["Host"] == f"platform.example:{secure_peer.server_port}"


def test_the_address_is_looked_up_once_so_it_cannot_change_after_the_check(secure_peer, monkeypatch):
    def second_look(*args, **kwargs):
        raise AssertionError("the name was resolved again")

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: second_look() if host == "platform.example" else real(host, *rest, **more)
    )
    assert http.post(url=f"https://platform.example:{secure_peer.server_port}/", body=BODY, headers={}).ok


def test_a_certificate_of_another_name_is_refused(secure_peer):
    answer = http.post(url=f"https://other.example:{secure_peer.server_port}/", body=BODY, headers={})
    assert (answer.status, answer.error) == (None, "SSLError")
    assert secure_peer.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_peer, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    chain, _ = certificate(tmp_path / "other", "platform.example")
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(chain))
    http._adapter.close()
    answer = http.post(url=f"https://platform.example:{secure_peer.server_port}/", body=BODY, headers={})
    assert (answer.status, answer.error) == (None, "SSLError")
    assert secure_peer.requests == []

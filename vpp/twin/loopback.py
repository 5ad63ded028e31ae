"""Real HTTP on the loopback interface: the twin's servers, and its calls to the product."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from django.db import connections

from aggregator.kernel.errors import Anticipated

MAX_BODY_BYTES = 8 * 1024 * 1024
TIMEOUT_S = 60


class ProductRefused(Anticipated):
    code = "twin.product_refused"
    text = "The twin's %(what)s was refused with status %(status)s: %(answer)s"


class DroppedError(Exception):
    """An offline gateway: the caller's connection is closed without an answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str = ""


@dataclass(frozen=True)
class SignedMessage:
    """A message as it goes over the wire; the same bytes may go again."""

    message_id: str
    headers: dict[str, str]
    body: bytes


Receiver = Callable[[Mapping[str, str], bytes], Answer]


class LoopbackServer:
    """Serves POST on 127.0.0.1 and a free port; each path has its own receiver."""

    def __init__(self, receivers: dict[str, Receiver]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver = receivers.get(self.path)
                length = int(self.headers.get("content-length") or 0)
                if receiver is None or not 0 <= length <= MAX_BODY_BYTES:
                    self.send_error(404 if receiver is None else 413)
                    return
                body = self.rfile.read(length)
                try:
                    answer = receiver({name.lower(): value for name, value in self.headers.items()}, body)
                except DroppedError:
                    self.close_connection = True
                    return
                finally:
                    connections.close_all()
                data = answer.text.encode()
                self.send_response(answer.status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent: the product keeps the delivery log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="twin", daemon=True)

    @property
    def address(self) -> str:
        """host:port, as a loopback exception names it."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Product:
    """The twin's view of the product: one address; gateways with a key, the operator with a signature."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # loopback: never through a proxy

    def as_gateway(self, path: str, data: dict[str, Any], *, api_key: str, what: str) -> dict[str, Any]:
        """POST with a gateway's key. Raises ProductRefused, also where a part of the post was left out."""
        answer = self._post(path, json.dumps(data).encode(), {"authorization": f"Bearer {api_key}"})
        body = answer.json() if answer.ok else {}
        if not answer.ok or body.get("rejected"):
            raise ProductRefused(what=what, status=answer.status_code, answer=answer.text[:500])
        return body

    def as_operator(self, path: str, message: SignedMessage, *, may_be_refused: bool = False) -> None:
        """POST a signed message. Raises ProductRefused."""
        answer = self._post(path, message.body, message.headers)
        if not answer.ok and not may_be_refused:
            raise ProductRefused(what=message.message_id, status=answer.status_code, answer=answer.text[:500])

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        headers = {"content-type": "application/json", **headers}
        return self._session.post(self.base_url + path, data=body, headers=headers, timeout=TIMEOUT_S)

    def close(self) -> None:
        self._session.close()

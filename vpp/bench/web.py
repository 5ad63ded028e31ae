"""The product's own web server as it runs in production, and clients that post to it."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

WORKERS = 2
THREADS = 8
# As in deploy/systemd/vpp-web.service.
COMMAND = [
    *("-m", "gunicorn", "vpp.wsgi:application", "--worker-class", "gthread"),
    *("--workers", str(WORKERS), "--threads", str(THREADS), "--log-level", "error"),
]


@contextmanager
def web_server(*, database_url: str) -> Iterator[int]:
    """Yields its port on 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    own = {"DATABASE_URL": database_url, "VPP_ALLOW_EMBEDDED": "1", "VPP_ALLOW_TWIN": "0", "VPP_HTTPS_ONLY": "0", "DEBUG": "0"}
    server = subprocess.Popen(
        [sys.executable, *COMMAND, "--bind", f"fd://{listener.fileno()}"],
        env={**os.environ, **own},
        pass_fds=[listener.fileno()],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield listener.getsockname()[1]
    finally:
        server.terminate()
        server.wait(timeout=30)
        listener.close()


@dataclass(frozen=True)
class Post:
    """One body of one gateway, and the number of points in it."""

    api_key: str
    body: bytes
    points: int


class WrongAnswer(RuntimeError):
    """A post was not answered as it should be: the figures would mean nothing."""


def send(*, port: int, posts: Sequence[Post], key: str, clients: int) -> tuple[float, list[float]]:
    """Send the posts by `clients` at once, each on a new connection; returns seconds, and milliseconds of each post.

    Every answer must count all points of its post under `key` (accepted or duplicates). Raises WrongAnswer.
    """
    waits: list[float] = []
    wrong: list[str] = []
    over = threading.Event()

    def client(mine: Sequence[Post]) -> None:
        for post in mine:
            if over.is_set():
                return
            began = time.perf_counter()
            try:
                status, text = _post(port, post)
            except OSError as problem:
                status, text = 0, repr(problem).encode()
            waits.append((time.perf_counter() - began) * 1000)
            if status != 200 or orjson.loads(text)[key] != post.points:
                wrong.append(f"{status} {text[:300]!r}")
                over.set()

    threads = [threading.Thread(target=client, args=(posts[k::clients],)) for k in range(clients)]
    began = time.perf_counter()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        over.set()
    if wrong:
        raise WrongAnswer(wrong[0])
    return time.perf_counter() - began, waits


def _post(port: int, post: Post) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {post.api_key}", "Content-Type": "application/json"}
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        caller.request("POST", "/api/v1/telemetry", post.body, headers)
        answer = caller.getresponse()
        return answer.status, answer.read()
    finally:
        caller.close()

"""Worker, beat and web server inside this process: the whole product as one command."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from celery.beat import EmbeddedService
from celery.worker import WorkController

from aggregator.kernel.errors import Anticipated
from vpp.celery import app

# "No hostname was supplied": the broker in memory has none.
logging.getLogger("kombu.connection").setLevel(logging.ERROR)
START_SECONDS = 30
CONCURRENCY = 2


class PartDidNotStart(Anticipated):
    code = "embedded.did_not_start"
    text = "The %(part)s did not start within %(seconds)s seconds."


class NoFreePort(Anticipated):
    code = "embedded.no_free_port"
    text = "No port between %(first)s and %(last)s is free."


@contextlib.contextmanager
def worker() -> Iterator[None]:
    """A Celery worker with a thread pool. The broker in memory is seen by this process only."""
    app.finalize()
    app.loader.import_default_modules()
    controller = WorkController(
        app=app, pool_cls="threads", concurrency=CONCURRENCY, without_heartbeat=True, without_mingle=True, without_gossip=True
    )
    thread = threading.Thread(target=controller.start, name="worker", daemon=True)
    thread.start()
    try:
        _wait(lambda: getattr(controller.consumer, "task_consumer", None) is not None, part="worker")
        yield
    finally:
        controller.stop()
        thread.join(timeout=START_SECONDS)


@contextlib.contextmanager
def beat() -> Iterator[None]:
    """The schedule of vpp/celery.py; the scheduler class has to be said, or no database job fires."""
    service = EmbeddedService(app, thread=True, scheduler_cls="django_celery_beat.schedulers:DatabaseScheduler")
    service.start()
    try:
        yield
    finally:
        service.stop()
        service.join(timeout=START_SECONDS)


def free_port(*, first: int, attempts: int = 50) -> socket.socket:
    """A listening socket on the first free port from `first`; 0 = any. Raises NoFreePort."""
    for port in [0] if first == 0 else range(first, first + attempts):
        # Named as TCP, else asyncio does not set TCP_NODELAY and every answer waits 40 ms for an acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            continue
        return listener
    raise NoFreePort(first=first, last=first + attempts - 1)


def _config() -> Any:
    from vpp.asgi import application

    return uvicorn.Config(application, lifespan="off", log_level="warning", access_log=False)


@contextlib.contextmanager
def web() -> Iterator[str]:
    """The web server in a thread, on a free loopback port; yields its address."""
    listener = free_port(first=0)
    server = uvicorn.Server(_config())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    try:
        _wait(lambda: server.started, part="web server")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=START_SECONDS)
        listener.close()


def serve(listener: socket.socket) -> None:
    """The web server in the main thread until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has closed everything, then raises it once more
        uvicorn.Server(_config()).run(sockets=[listener])


def _wait(ready: Any, *, part: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise PartDidNotStart(part=part, seconds=START_SECONDS)
        time.sleep(0.02)

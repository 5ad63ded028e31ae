"""Ctrl-C while a day is played: one line, status 130, at once."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

INTERRUPTED = 130  # what a shell says of Ctrl-C


@contextmanager
def ends_on_interrupt(console: Console, line: str, *, before: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within the block Ctrl-C calls `before`, prints `line` and ends the process, whatever any thread is doing.

    Nobody waits for a solver or a worker thread: what they have in hand is rows, as after a killed worker, and goes on
    next time. A thread waits for the signal, since a handler in the main thread would come only after the solver returns.
    """
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)

    def listen() -> None:
        while heard := ears.recv(1):
            if heard[0] == signal.SIGINT:
                try:
                    before()
                    console.show_cursor(True)
                    print(f"\n{line}", file=console.file, flush=True)
                finally:
                    os._exit(INTERRUPTED)

    handler = signal.signal(signal.SIGINT, lambda number, frame: None)
    earlier = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=listen, name="interrupt", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        signal.signal(signal.SIGINT, handler)
        mouth.close()
        listener.join()
        ears.close()

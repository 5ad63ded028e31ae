"""Ctrl-C while a day is played ends with one line and status 130, whatever is under way."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journey.demo_process import ROOT, environment

BUSY = """
import signal, threading, time
from rich.console import Console
from vpp.replay.interruption import ends_on_interrupt

def worker():
    while True:
        time.sleep(1)

with ends_on_interrupt(Console(), "it goes on", before=lambda: print("before")):
    threading.Thread(target=worker).start()  # not a daemon: an ordinary exit would wait for it
    print("ready", flush=True)
    worker()
"""
AFTER = """
import time
from rich.console import Console
from vpp.replay.interruption import ends_on_interrupt

with ends_on_interrupt(Console(), "it goes on"):
    pass
try:
    print("ready", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("as ever")
"""


def started(*command: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """As a shell in the foreground starts it: with Python's own handler of SIGINT."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, **pipes)
    finally:
        signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize(("code", "status", "said"), [(BUSY, 130, ["before", "", "it goes on"]), (AFTER, 0, ["as ever"])])
def test_within_the_block_an_interrupt_ends_the_process_at_once(code, status, said):
    process = started("-c", code)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate()
    assert (process.returncode, rest.splitlines()) == (status, said)


@pytest.mark.parametrize(
    ("command", "next_time"),
    [(["demo", "--no-serve"], "`make demo`"), (["run_day", "demo", "--day", "2026-07-15"], "`run_day demo --day 2026-07-15`")],
)
def test_a_day_that_is_interrupted_says_how_it_goes_on(tmp_path: Path, command: list[str], next_time: str):
    process = started("manage.py", *command, env={**environment(tmp_path), "PYTHONUNBUFFERED": "1"})
    while not (tmp_path / "vpp.sqlite3").exists():  # then the command is at work
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert next_time in said.splitlines()[-1]

"""The web pages of a played day in their own process, and people who sign in to them."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.journey.demo_process import ROOT

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
START_SECONDS = 60


@dataclass(frozen=True)
class Login:
    user: str
    password: str
    place: str
    enterprise: str


@dataclass(frozen=True)
class Served:
    """`env` is what the web process runs in; logins are those that the demo printed: staff first, then managers."""

    url: str
    env: dict[str, str]
    logins: list[Login]

    @property
    def operator(self) -> Login:
        return self.logins[0]

    @property
    def managers(self) -> list[Login]:
        return self.logins[1:]

    def session(self, login: Login) -> requests.Session:
        """Signed in through the login page."""
        session = requests.Session()
        form = session.get(f"{self.url}/login/").text
        token = TOKEN.search(form)
        assert token, "the login page has no CSRF token"
        answer = session.post(
            f"{self.url}/login/",
            data={"username": login.user, "password": login.password, "csrfmiddlewaretoken": token[1], "next": "/"},
            headers={"Referer": f"{self.url}/login/"},
        )
        assert answer.status_code == 200, answer.text[:500]
        assert "/login/" not in answer.url, "the login was refused"
        return session


@contextmanager
def serve(env: dict[str, str]) -> Iterator[Served]:
    """`env` names the folder and the database of a played day."""
    folder = Path(env["VPP_VAR_DIR"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "web.log").open("wb")
    command = [sys.executable, "-m", "uvicorn", "vpp.asgi:application", "--port", str(port), "--log-level", "warning"]
    web = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, web, folder)
        logins = [Login(**row) for row in json.loads((folder / "demo" / "logins.json").read_text())]
        yield Served(url, env, logins)
    finally:
        web.terminate()
        web.wait(timeout=30)
        log.close()


def _wait(url: str, web: subprocess.Popen, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert web.poll() is None, (folder / "web.log").read_text()[-2000:]
        try:
            requests.get(f"{url}/livez", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the web process did not answer")

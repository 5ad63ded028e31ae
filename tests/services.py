"""Early pytest plugin: decides database and broker before Django reads its settings; names every skip.

Environment (see README, "Tests"):
  VPP_TEST_SERVICES=1   this run uses PostgreSQL and Redis (tests/run.py sets it for its second pass)
  TEST_DATABASE_URL, TEST_REDIS_URL   where they are; otherwise looked for on this machine
  VPP_REQUIRE=services,data,node,browser   what must not be skipped
  VPP_DATA_ROOT         folder of measured data
"""

import getpass
import json
import os
import shutil
import signal
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

NAMES = ("services", "data", "node", "browser")
REQUIRED = {name.strip() for name in os.environ.get("VPP_REQUIRE", "").split(",") if name.strip()}
# Keys of this run in a shared Redis; removed at its end.
PREFIX = f"vpptest-{os.getpid()}:"
REDIS_DATABASES = 16  # that a server has unless it is told otherwise
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# A shell that starts something in the background has it ignore Ctrl-C; tests/run.py ends a part with it, and some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("VPP_ALLOW_EMBEDDED", "1")
os.environ.setdefault("VPP_ALLOW_TWIN", "1")
os.environ.setdefault("VPP_HTTPS_ONLY", "0")
os.environ.setdefault("SECRET_KEY", "tests-only")


@cache
def database_url() -> tuple[str, str]:
    """(URL of a PostgreSQL maintenance database, why not)."""
    import psycopg

    given = os.environ.get("TEST_DATABASE_URL")
    candidates = [given] if given else [f"postgres://{user}@127.0.0.1:5432/postgres" for user in (getpass.getuser(), "postgres")]
    why = ""
    for url in candidates:
        try:
            with psycopg.connect(url, connect_timeout=3) as connection:
                rights = connection.execute("select rolcreatedb or rolsuper from pg_roles where rolname = current_user").fetchone()
            if rights and rights[0]:
                return url, ""
            why = "the PostgreSQL user may not create databases"
        except psycopg.OperationalError:
            why = "no PostgreSQL answers (set TEST_DATABASE_URL)"
    return "", why


@cache
def redis_url() -> tuple[str, str]:
    """(URL of a Redis database for tests, why not)."""
    import redis

    url = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/9"
    try:
        redis.Redis.from_url(url, socket_connect_timeout=3).ping()
    except (redis.RedisError, OSError):
        return "", "no Redis answers (set TEST_REDIS_URL)"
    return url, ""


def redis_of(part: int) -> str:
    """URL of a Redis database for one of several runs at the same time: tests clear the cache, which has the whole database."""
    parts = urlsplit(redis_url()[0])
    number = (int(parts.path.strip("/") or 0) + part) % REDIS_DATABASES
    return urlunsplit(parts._replace(path=f"/{number}"))


def chromium() -> str:
    return next((path for name in CHROMIUM if (path := shutil.which(name))), "")


def missing(name: str) -> str:
    """Why `name` cannot be had here, or ''."""
    if name == "services":
        return database_url()[1] or redis_url()[1]
    if name == "data":
        root = os.environ.get("VPP_DATA_ROOT", "")
        return "" if root and Path(root).is_dir() else "no folder of measured data (set VPP_DATA_ROOT)"
    if name == "browser":
        return "" if chromium() else "no Chromium on this machine"
    return "" if shutil.which("node") else "no Node on this machine"


if os.environ.get("VPP_TEST_SERVICES") == "1":
    os.environ["DATABASE_URL"] = database_url()[0]
    os.environ["REDIS_URL"] = redis_url()[0]
    os.environ["VPP_QUEUE_PREFIX"] = PREFIX
    # Commits do not wait for the disk: what is killed here is a worker, never PostgreSQL. libpq hands it to every process.
    os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")
else:
    os.environ["DATABASE_URL"] = ""
    os.environ["REDIS_URL"] = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in NAMES:
            if item.get_closest_marker(name) is None:
                continue
            why = missing(name)
            if why and name not in REQUIRED:
                item.add_marker(pytest.mark.skip(reason=f"{name}: {why}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in NAMES:
        if name in REQUIRED and item.get_closest_marker(name) is not None and (why := missing(name)):
            pytest.fail(f"VPP_REQUIRE names {name}, but: {why}", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Leave counts and skip reasons for tests/run.py."""
    target = os.environ.get("VPP_TEST_REPORT")
    if not target:
        return
    stats = terminalreporter.stats
    reasons: dict[str, int] = {}
    for report in stats.get("skipped", []):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    Path(target).write_text(json.dumps({"passed": len(stats.get("passed", [])), "failed": failed, "skipped": reasons}))


def pytest_sessionfinish() -> None:
    if redis_url()[0] and (os.environ.get("VPP_TEST_SERVICES") == "1" or not missing("services")):
        import redis

        broker = redis.Redis.from_url(redis_url()[0])
        for key in broker.scan_iter(f"{PREFIX}*"):
            broker.delete(key)

"""Fixtures that every kind of test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.db import connection
from hypothesis import settings as drawing

from tests import exchange, services
from tests.journey.demo_process import LONGEST_SECONDS, Played, demo, environment, money, scratch_database
from tests.journey.killed_worker import demo_with_a_killed_worker
from tests.served import Served, serve

# The same examples on every machine and run; `HYPOTHESIS=search` draws new ones, to look for what these miss.
drawing.register_profile("same", derandomize=True, deadline=None)
drawing.register_profile("search", deadline=None)
drawing.load_profile("search" if os.environ.get("HYPOTHESIS") == "search" else "same")


@pytest.fixture
def data_root() -> Path:
    """Folder of measured data; use with `@pytest.mark.data`."""
    return Path(os.environ["VPP_DATA_ROOT"]).resolve()


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """A million rounds a password are for people; what tests/journey starts is as it is delivered."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    hashers.get_hashers.cache_clear()
    hashers.get_hashers_by_algorithm.cache_clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A test database of this run's own, where several runs share a server."""
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["NAME"] = f"vpp_test_{os.getpid()}"


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The demo day, played once a pass: embedded; or on PostgreSQL and Redis with a worker that is killed in the middle."""
    folder = tmp_path_factory.mktemp("demo")
    if os.environ.get("VPP_TEST_SERVICES") != "1":
        found = demo(environment(folder))
        exchange.leave({"summary": found.summary, "money": money(found.env)})
        yield found
        return
    with scratch_database(f"vpp_played_{os.getpid()}") as url:
        yield demo_with_a_killed_worker(
            environment(folder, DATABASE_URL=url, REDIS_URL=services.redis_url()[0], VPP_JOB_LEASE_SECONDS="10")
        )


@pytest.fixture(scope="session")
def embedded_day(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Summary and money of the embedded demo day, for a pass on services: from the other pass, or played here."""
    found = exchange.take(longest_seconds=LONGEST_SECONDS)
    if found is None:
        alone = demo(environment(tmp_path_factory.mktemp("embedded")))
        found = {"summary": alone.summary, "money": money(alone.env)}
    return found


@pytest.fixture(scope="session")
def served_demo(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The played demo day behind its web pages, in a copy of its folder."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(played.folder, folder, dirs_exist_ok=True)
    with serve({**played.env, "VPP_VAR_DIR": str(folder)}) as served:
        yield served


@pytest.fixture
def service_urls() -> Iterator[tuple[str, str]]:
    """(DATABASE_URL of a fresh scratch database, REDIS_URL); use with `@pytest.mark.services`."""
    with scratch_database(f"vpp_scratch_{os.getpid()}") as url:
        yield url, services.redis_url()[0]

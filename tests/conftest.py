"""Fixtures that every kind of test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests import services
from tests.journey.demo_process import demo
from tests.served import Served, serve


@pytest.fixture
def data_root() -> Path:
    """Folder of measured data; use with `@pytest.mark.data`."""
    return Path(os.environ["VPP_DATA_ROOT"]).resolve()


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """The demo day, played once a pass on the embedded default: (folder, summary, output). Who writes, copies it."""
    folder = tmp_path_factory.mktemp("demo")
    summary, output = demo(folder)
    return folder, summary, output


@pytest.fixture(scope="session")
def played_demo(played: tuple[Path, dict[str, Any], str]) -> Path:
    """Folder (VPP_VAR_DIR) of the played demo day; logins are in demo/logins.json."""
    return played[0]


@pytest.fixture(scope="session")
def served_demo(played_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The played demo day behind its web pages, on a copy that tests may write to."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(played_demo, folder, dirs_exist_ok=True)
    with serve(folder) as served:
        yield served


@pytest.fixture
def service_urls() -> Iterator[tuple[str, str]]:
    """(DATABASE_URL of a fresh scratch database, REDIS_URL); use with `@pytest.mark.services`."""
    import psycopg
    import redis

    maintenance, broker = services.database_url()[0], services.redis_url()[0]
    name = f"vpp_scratch_{os.getpid()}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')
        connection.execute(f'create database "{name}"')
    redis.Redis.from_url(broker).flushdb()
    try:
        yield urlunsplit(urlsplit(maintenance)._replace(path=f"/{name}")), broker
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)')
        redis.Redis.from_url(broker).flushdb()

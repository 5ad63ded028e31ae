"""Fixtures that every kind of test may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests import services


@pytest.fixture
def data_root() -> Path:
    """Folder of measured data; use with `@pytest.mark.data`."""
    return Path(os.environ["VPP_DATA_ROOT"]).resolve()


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

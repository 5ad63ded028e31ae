"""Fixtures that every kind of test may use."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.journey.demo_process import Played, demo, environment, scratch_database
from tests.served import Served, serve


@pytest.fixture
def data_root() -> Path:
    """Folder of measured data; use with `@pytest.mark.data`."""
    return Path(os.environ["VPP_DATA_ROOT"]).resolve()


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The demo day, played once a pass: embedded, or on PostgreSQL and Redis where the pass is about these."""
    folder = tmp_path_factory.mktemp("demo")
    if os.environ.get("VPP_TEST_SERVICES") != "1":
        yield demo(environment(folder))
        return
    with scratch_database(f"vpp_played_{os.getpid()}") as url:
        yield demo(environment(folder, DATABASE_URL=url, REDIS_URL=services.redis_url()[0]))


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

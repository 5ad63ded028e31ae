import os
from collections.abc import Iterator

import pytest

from tests import services
from tests.journey.demo_process import Played, demo, environment, scratch_database


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The demo day, played once: on the embedded default, or in the services pass on PostgreSQL, Redis and a worker process."""
    folder = tmp_path_factory.mktemp("demo")
    if os.environ.get("VPP_TEST_SERVICES") != "1":
        yield demo(environment(folder))
        return
    with scratch_database(f"vpp_demo_{os.getpid()}") as database_url:
        yield demo(environment(folder, DATABASE_URL=database_url, REDIS_URL=services.redis_url()[0]))

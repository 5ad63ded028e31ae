"""A PostgreSQL database of the benchmark's own: made, migrated, used and dropped."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import environ
from django.core.management.base import CommandError
from django.db import connection, connections


def server_url() -> str:
    """The PostgreSQL server by DATABASE_URL, else TEST_DATABASE_URL. Raises CommandError: SQLite shows nothing here."""
    for name in ("DATABASE_URL", "TEST_DATABASE_URL"):
        url = os.environ.get(name, "")
        if url.startswith(("postgres://", "postgresql://")):
            return url
    raise CommandError(
        "This benchmark measures PostgreSQL; the embedded SQLite database would show nothing. "
        "Set DATABASE_URL or TEST_DATABASE_URL to postgres://user:password@host/name, where the user may create databases."
    )


@contextmanager
def scratch_database() -> Iterator[str]:
    """Connect Django to a fresh, migrated database; yields its URL. The database that the URL names is not touched.

    It is dropped in the end, also after Ctrl-C or SIGTERM and with a web worker still connected.
    """
    url = server_url()
    name = f"vpp_bench_{os.getpid()}"
    connections["default"].close()
    connections.settings = connections.configure_settings({"default": environ.Env.db_url_config(url)})
    del connections["default"]
    connection.settings_dict["TEST"]["NAME"] = name
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        patient = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
        connection.close()
        with connection.creation._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for number, handler in [*patient, (signal.SIGTERM, before)]:
            signal.signal(number, handler)


def _interrupted(*signalled: object) -> None:
    raise KeyboardInterrupt

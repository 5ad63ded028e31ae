"""Examine this installation. Each examination looks at one thing and knows its mend."""

import filecmp
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from aggregator.dispatch.domain import usable_solvers
from aggregator.support import audit
from vpp.celery import app
from vpp.checks import production_parts


@dataclass(frozen=True)
class Finding:
    what: str
    ok: bool
    seen: str
    mend: str = ""


def python() -> Finding:
    version = sys.version.split()[0]
    return Finding("Python", (3, 11) <= sys.version_info[:2] <= (3, 13), version, "install Python 3.11, 3.12 or 3.13")


def mode() -> Finding:
    found = production_parts(None)
    seen = "demo" if settings.VPP_ALLOW_EMBEDDED else "production"
    return Finding("settings", not found, f"{seen}; {len(found)} refusals", " | ".join(f"{p.msg} {p.hint}" for p in found))


def database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        if connection.vendor == "postgresql" and connection.pg_version < 150000:
            return Finding("database", False, f"PostgreSQL {connection.pg_version}", "use PostgreSQL 15 or newer")
    except DatabaseError as problem:
        return Finding("database", False, str(problem).strip(), "start the database, or correct DATABASE_URL")
    return Finding("database", True, connection.vendor)


def migrations() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as problem:
        return Finding("migrations", False, str(problem).strip(), "mend the database first")
    return Finding("migrations", not waiting, f"{len(waiting)} waiting", "python manage.py migrate")


def broker() -> Finding:
    if settings.EMBEDDED_BROKER:
        return Finding("broker", True, "in this process")
    try:
        with app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, timeout=3)
    except Exception as problem:  # noqa: BLE001  (whatever the transport raises is the finding)
        return Finding("broker", False, str(problem), "start Redis, or correct REDIS_URL")
    return Finding("broker", True, "Redis answers")


def time_zone() -> Finding:
    return Finding("time zone", ZoneInfo("Asia/Shanghai").key == "Asia/Shanghai", "Asia/Shanghai", "pip install tzdata")


def solver() -> Finding:
    usable = usable_solvers()
    return Finding("solver", "HiGHS" in usable, ", ".join(usable) or "none", "install highspy as locked: make env")


def audit_chain() -> Finding:
    try:
        broken = audit.first_broken()
    except DatabaseError as problem:
        return Finding("audit chain", False, str(problem).strip(), "mend the database first")
    seen = "unbroken" if broken is None else f"broken at event {broken}"
    mend = "somebody edited the audit table or removed events: restore it from a backup and find out who"
    return Finding("audit chain", broken is None, seen, mend)


def folder() -> Finding:
    path = Path(settings.VAR_DIR)
    return Finding("working folder", os.access(path, os.W_OK), str(path), f"make {path} writable, or set VPP_VAR_DIR")


def texts() -> Finding:
    compiled = sorted(path.parent.parent.name for path in Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.mo"))
    return Finding("Chinese texts", "zh_Hans" in compiled, ", ".join(compiled) or "not compiled", "python -m vpp.texts.compile")


def static_files() -> Finding:
    """Production answers 500 for every page whose style sheet is not in what collectstatic gathered."""
    if not isinstance(staticfiles_storage, ManifestFilesMixin):
        return Finding("static files", True, "served where they lie")
    needed: dict[str, str] = {}
    for finder in get_finders():
        for name, storage in finder.list([]):
            needed.setdefault(name, storage.path(name))  # the first one found is the one gathered
    stale = sum(not _gathered(name, Path(origin)) for name, origin in needed.items())
    return Finding(
        "static files",
        not stale,
        f"{stale} of {len(needed)} missing or outdated in {settings.STATIC_ROOT}",
        "python manage.py collectstatic --noinput",
    )


def _gathered(name: str, origin: Path) -> bool:
    """In the manifest, and both the copy and the file that pages link to lie in STATIC_ROOT as they are in the product."""
    root, hashed = Path(settings.STATIC_ROOT), staticfiles_storage.hashed_files.get(name)
    copy = root / name
    return hashed is not None and (root / hashed).is_file() and copy.is_file() and filecmp.cmp(origin, copy, shallow=False)


EXAMINATIONS: tuple[Callable[[], Finding], ...] = (
    python, mode, database, migrations, broker, time_zone, solver, audit_chain, folder, texts, static_files,
)  # fmt: skip


def examine() -> list[Finding]:
    return [examination() for examination in EXAMINATIONS]

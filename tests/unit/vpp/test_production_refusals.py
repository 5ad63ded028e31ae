"""Production never starts on the embedded parts, on DEBUG, or with the twin allowed, unless told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOUND = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "x" * 50,
    "VPP_SECRET_KEYS": "k",
    "VPP_ALLOW_EMBEDDED": "0",
    "VPP_ALLOW_TWIN": "0",
    "DEBUG": "0",
}


def start_web(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **SOUND, "VPP_VAR_DIR": str(tmp_path), **changes}
    return subprocess.run([sys.executable, "-c", "import vpp.wsgi"], cwd=ROOT, env=env, capture_output=True, text=True)


def test_sound_settings_start(tmp_path: Path) -> None:
    done = start_web(tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"VPP_SECRET_KEYS": ""}, "VPP_SECRET_KEYS"),
        ({"VPP_ALLOW_TWIN": "1"}, "VPP_ALLOW_TWIN"),
    ],
)
def test_unsafe_settings_are_refused_by_name(tmp_path: Path, change: dict[str, str], word: str) -> None:
    done = start_web(tmp_path, **change)
    assert done.returncode != 0
    assert word in done.stderr


def test_all_refusals_are_named_at_once(tmp_path: Path) -> None:
    said = start_web(tmp_path, DATABASE_URL="", REDIS_URL="", SECRET_KEY="").stderr
    assert [name for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY") if f"{name} is not set" not in said] == []


def test_told_so_the_embedded_default_starts(tmp_path: Path) -> None:
    assert start_web(tmp_path, DATABASE_URL="", REDIS_URL="", VPP_ALLOW_EMBEDDED="1", VPP_ALLOW_TWIN="1").returncode == 0

"""Make the environment ready: `python3 bootstrap.py LOCKFILE`. Standard library only; safe to repeat.

Creates .venv, installs exactly what the lock file names (hashes checked), the project itself without
network, and the compiled texts. A stamp makes later runs quick; an interrupted run resumes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NEEDED_BYTES = 1_500_000_000
SLOW_SECONDS = 60


def fail(what: str, mend: str) -> None:
    print(f"{what}\n  -> {mend}", file=sys.stderr)
    raise SystemExit(1)


def check_python() -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        fail(f"This is Python {sys.version.split()[0]}; 3.11, 3.12 or 3.13 is needed.", "run bootstrap.py with one of those")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        minor = sys.version_info.minor
        fail("This Python cannot make virtual environments.", f"sudo apt-get install python3.{minor}-venv")


def check_disk() -> None:
    free = shutil.disk_usage(HERE).free
    if free < NEEDED_BYTES:
        fail(f"Only {free // 1_000_000} MB are free here.", "free 1.5 GB, then run the same command again")


def stamp_of(lock: Path) -> str:
    parts = [lock.read_bytes(), (HERE / "pyproject.toml").read_bytes(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def pip(*arguments: str) -> None:
    """Run pip in the environment; after a while say what can be done about a slow index."""
    hint = threading.Timer(
        SLOW_SECONDS,
        lambda: print("Still downloading. A nearer package index can be named: PIP_INDEX_URL=... make demo", file=sys.stderr),
    )
    hint.daemon = True
    hint.start()
    try:
        command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
        if subprocess.run(command, cwd=HERE).returncode:
            fail("pip could not install the locked packages.", "read the lines above; then run the same command again")
    finally:
        hint.cancel()


def made_by_this_python() -> bool:
    probe = "import sys; print(sys.version)"
    found = subprocess.run([str(PYTHON), "-c", probe], capture_output=True, text=True)
    return found.returncode == 0 and found.stdout.strip() == sys.version.strip()


def main() -> None:
    if len(sys.argv) != 2:
        fail("Name one lock file.", "python3 bootstrap.py requirements.lock")
    lock = HERE / sys.argv[1]
    check_python()
    # The development set contains the runtime set, so it satisfies either request.
    stamps = {VENV / f".{name}.sha256": stamp_of(HERE / name) for name in {lock.name, "requirements-dev.lock"}}
    if not any(path.exists() and path.read_text() == stamp for path, stamp in stamps.items()):
        check_disk()
        if not PYTHON.exists() or not made_by_this_python():
            print("Creating .venv ...")
            shutil.rmtree(VENV, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        print(f"Installing what {lock.name} names (about two minutes the first time) ...")
        pip("install", "--quiet", "--require-hashes", "-r", str(lock))
        pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(HERE))
        (VENV / f".{lock.name}.sha256").write_text(stamp_of(lock))
    subprocess.run([str(PYTHON), "-m", "vpp.texts.compile"], cwd=HERE, check=True)


if __name__ == "__main__":
    main()

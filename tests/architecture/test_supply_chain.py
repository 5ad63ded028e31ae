"""What is installed and shipped is exactly what was reviewed."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "pyproject.toml"])
def test_no_address_in_what_pip_reads(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = re.findall(r"^[a-z0-9][^\s]*==[^\s]+", text, re.M)
    assert packages
    for package in packages:
        block = text.split(package, 1)[1].split("\n# ")[0][:200]
        assert "--hash=sha256:" in block, package


def test_vendored_files_are_those_that_were_reviewed() -> None:
    folder = ROOT / "vpp" / "static" / "vendor"
    listed = json.loads((folder / "VENDOR.json").read_text())
    found = {path.name for path in folder.iterdir()} - {"VENDOR.json"}
    assert found == {entry["file"] for entry in listed}
    for entry in listed:
        assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]
        assert entry["licence"]
        assert entry["version"]

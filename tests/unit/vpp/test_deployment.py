"""What ships for production: services, compose file, settings file, and the Makefile's word on a missing Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_web_service_gathers_static_files_at_every_start():
    unit = (ROOT / "deploy/systemd/vpp-web.service").read_text()
    assert "ExecStartPre=" in unit
    assert unit.index("collectstatic") < unit.index("ExecStart=")


def test_the_image_serves_the_static_files_that_it_gathered():
    assert f"VPP_STATIC_ROOT={COMPOSE['services']['web']['environment']['VPP_STATIC_ROOT']}" in (ROOT / "Dockerfile").read_text()
    assert "manage.py collectstatic" in (ROOT / "Dockerfile").read_text()


def test_behind_dockers_network_the_proxys_word_on_the_scheme_is_believed(tmp_path):
    web = COMPOSE["services"]["web"]
    assert web["environment"]["VPP_BEHIND_PROXY"] == "${VPP_BEHIND_PROXY:-1}"
    assert all(port.startswith("127.0.0.1:") for port in web["ports"])  # nobody else may say what the proxy says
    code = "from vpp import settings; print(settings.SECURE_PROXY_SSL_HEADER)"
    env = {**os.environ, "VPP_BEHIND_PROXY": "1", "VPP_VAR_DIR": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    assert "HTTP_X_FORWARDED_PROTO" in said


def test_a_line_of_the_settings_file_may_be_switched_on_as_it_is():
    lines = [line.removeprefix("# ") for line in (ROOT / ".env.example").read_text().splitlines()]
    values = [line.partition("=")[2] for line in lines if line.partition("=")[0].isupper()]
    assert len(values) > 15
    assert not [value for value in values if " " in value]


@pytest.mark.parametrize(
    ("tools", "line"),
    [
        ({"apt-get": "", "apt-cache": '[ "$2" = python3.12-venv ]'}, "sudo apt-get install -y python3.12 python3.12-venv"),
        ({"apt-get": "", "apt-cache": "exit 100"}, "sudo apt-get install -y python3.11 python3.11-venv"),
        ({"dnf": ""}, "sudo dnf install -y python3.12"),
        ({"brew": ""}, "brew install python@3.12"),
        ({}, "https://www.python.org/downloads/"),
    ],
)
def test_without_python_make_prints_the_one_line_that_installs_it(tmp_path, tools, line):
    make = shutil.which("make")
    assert make
    for name, script in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([make, "python", "PYTHON="], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode != 0
    said = done.stdout.splitlines()
    assert len(said) == 2
    assert said[1].endswith(line)

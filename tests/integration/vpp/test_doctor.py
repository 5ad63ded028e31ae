"""The doctor finds static files that were not gathered, before a page answers 500."""

from pathlib import Path

import pytest
from django.core.management import call_command

from vpp import doctor


@pytest.fixture
def production(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    return Path(settings.STATIC_ROOT)


def test_a_demo_needs_no_gathered_files():
    assert doctor.static_files().ok


def test_the_doctor_names_what_gathers_them(production):
    before = doctor.static_files()
    assert (before.ok, before.mend) == (False, "python manage.py collectstatic --noinput")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert doctor.static_files().ok


def test_a_lost_and_an_outdated_file_are_found(production):
    call_command("collectstatic", interactive=False, verbosity=0)
    (linked,) = production.glob("css/vpp.*.css")
    text = linked.read_bytes()
    linked.unlink()
    assert doctor.static_files().seen.startswith("1 of ")
    linked.write_bytes(text)
    (production / "css" / "vpp.css").write_text("of the version before")
    assert doctor.static_files().seen.startswith("1 of ")

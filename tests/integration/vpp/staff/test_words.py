"""Codes of the optimiser that only these pages show have words in both languages, and so has every table of the records."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.utils.translation import override

from aggregator.dispatch.domain.fleet.limits import GROUP_LIMITS, SITE_LIMITS
from aggregator.dispatch.domain.split import RULES
from aggregator.dispatch.models import RUN_MODES, RUN_PURPOSES
from aggregator.support.records import ReadOnlyAdmin
from market.bids.domain import AVAILABILITY_KINDS
from tests.integration.market.settlement.tiny_day import build, staff
from vpp.texts import codes
from vpp.texts.collect import ROOT
from vpp.texts.records import MODELS

SHOWN = [model for model, shown in admin.site._registry.items() if isinstance(shown, ReadOnlyAdmin)]


def literals(path: str, pattern: str) -> set[str]:
    """Codes that stand as literals in a file, or in the files of a folder; the pattern has to find some."""
    place = ROOT / path
    files = sorted(place.glob("*.py")) if place.is_dir() else [place]
    found = {code for file in files for code in re.findall(pattern, file.read_text())}
    assert found, f"the pattern found nothing in {path}"
    return found


def test_codes_of_the_optimiser_have_words() -> None:
    assert not {*SITE_LIMITS, *GROUP_LIMITS, "promise"} - set(codes.LIMITS)
    assert set(codes.RULES) == set(RULES)
    assert not {*RUN_MODES, *RUN_PURPOSES} - set(codes.STATES)
    assert not set(AVAILABILITY_KINDS) - set(codes.AVAILABILITIES)


def test_notes_and_stages_have_words() -> None:
    notes = literals("aggregator/dispatch/operations/_members.py", r'_note\(member, "(\w+)"')
    notes |= literals("aggregator/dispatch/operations/_members.py", r'return "(\w+)"')
    notes |= literals("aggregator/dispatch/domain/pareto.py", r'"note": "(\w+)"')
    qualities = literals("aggregator/forecasts/domain/_levels.py", r'quality="(\w+)"') - {"good"}
    assert not (notes | {f"envelope_{quality}" for quality in qualities}) - set(codes.NOTES)
    stages = literals("aggregator/dispatch/domain/fleet/plan.py", r'lap\("(\w+)"\)')
    stages |= literals("aggregator/dispatch/domain/fleet/reference.py", r'"(\w+)": (?:built|time\.)')
    assert not stages - set(codes.STAGES)


def test_every_table_of_the_records_has_words_in_both_languages() -> None:
    """Those of the installation's own apps and of the sign-in protection; Django's and the beat's bring theirs."""
    assert not {model._meta.label_lower for model in SHOWN} - set(MODELS)
    assert not set(MODELS) - {model._meta.label_lower for model in apps.get_models()}
    for model in SHOWN:
        for language, chinese in (("zh-hans", True), ("en", False)):
            with override(language):
                texts = str(model._meta.verbose_name), str(model._meta.verbose_name_plural)
            assert all(bool(re.search("[\u4e00-\u9fff]", text)) == chinese for text in texts), (model, language, texts)


@pytest.mark.django_db
def test_the_records_speak_chinese_to_chinese_readers() -> None:
    build()
    client = Client(headers={"host": "localhost", "accept-language": "zh-hans"})
    client.force_login(staff("auditor"))
    page = client.get("/records/").content.decode()
    assert "资源代理合同" in page
    assert "Agency contract" not in page
    assert "资源与调度" in page
    english = Client(headers={"host": "localhost", "accept-language": "en"})
    english.force_login(client.get("/records/").wsgi_request.user)
    assert "Agency contracts" in english.get("/records/").content.decode()

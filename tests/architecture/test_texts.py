"""Chinese is the first language, English complete: no gap, no text outside the catalogues, no code without words."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from aggregator.assets.domain import KINDS
from aggregator.dispatch.domain.reasons import LIMITS, REASONS
from market.settlement.models import COMPONENTS
from vpp.texts import codes
from vpp.texts.collect import LOCALE, ROOT, find_texts

CJK = re.compile(r"[\u4e00-\u9fff]")
PLACES = re.compile(r"%\((\w+)\)")


def catalogue(language: str):
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as source:
        return read_po(source, locale=language)


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_every_text_is_translated(language: str) -> None:
    known = catalogue(language)
    gaps = []
    for path, line, message, context in find_texts():
        msgid = message if isinstance(message, str) else message[0]
        entry = known.get(msgid, context=context)
        if msgid and (entry is None or not entry.string or entry.fuzzy):
            gaps.append(f"{path}:{line} {msgid}")
    assert not gaps, "run `make messages` and translate:\n" + "\n".join(gaps)


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_translations_keep_the_places(language: str) -> None:
    for entry in catalogue(language):
        msgid = entry.id if isinstance(entry.id, str) else entry.id[-1]
        for text in [entry.string] if isinstance(entry.string, str) else entry.string:
            assert set(PLACES.findall(text)) == set(PLACES.findall(msgid)), msgid


def test_no_chinese_outside_the_catalogues() -> None:
    files = [*(ROOT / "vpp/templates").rglob("*.html"), *(ROOT / "vpp/static/js").glob("*.js")]
    assert not [str(path) for path in files if CJK.search(Path(path).read_text())]


def test_every_code_has_words() -> None:
    assert not set(REASONS) - set(codes.REASONS)
    assert not set(LIMITS) - set(codes.LIMITS)
    assert not set(COMPONENTS) - set(codes.COMPONENTS)
    assert not set(KINDS) - set(codes.KINDS)


def test_every_alarm_has_words() -> None:
    """Alarm kinds are literals at the places that raise them."""
    raised = set()
    for app in ("aggregator", "market", "vpp"):
        for path in (ROOT / app).rglob("*.py"):
            raised |= set(re.findall(r'raise_alarm\(\s*kind="([^"]+)"', path.read_text()))
    assert raised, "the pattern found no alarm at all"
    assert not raised - set(codes.ALARMS)

"""Chinese is the first language, English complete: no gap, no text outside the catalogues, no code without words."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from aggregator.assets.domain import KINDS
from aggregator.dispatch.domain import STATUSES
from aggregator.dispatch.domain.fleet.limits import GROUP_LIMITS, SITE_LIMITS
from aggregator.dispatch.domain.reasons import LIMITS, REASONS
from aggregator.dispatch.models import OUTCOMES, PURPOSES, RUN_MODES, RUN_PURPOSES, SETPOINT
from aggregator.forecasts.queries import LEADS, NOT_LEARNED
from aggregator.support.models import SEVERITIES
from market.bids.domain import explain
from market.bids.domain.risk.check import RULES as CURVE_RULES
from market.bids.models import BID, PRODUCTS
from market.instructions.models import INSTRUCTION
from market.platforms.models import INBOUND, OUTBOUND
from market.rules.domain._pack import SECTIONS
from market.rules.models import RELIABILITIES
from market.settlement.models import COMPONENTS, RUN
from market.settlement.operations._settle import CHANGED
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
    assert not {*REASONS, *explain.REASONS, CHANGED} - set(codes.REASONS)
    assert not {*LIMITS, *explain.LIMITS, *SITE_LIMITS, *GROUP_LIMITS} - set(codes.LIMITS)
    assert not set(CURVE_RULES) - set(codes.REFUSALS)
    assert not set(COMPONENTS) - set(codes.COMPONENTS)
    assert not set(KINDS) - set(codes.KINDS)
    assert not {*(lead for lead, _ in LEADS), "day_ahead"} - set(codes.LEADS)
    assert set(NOT_LEARNED) == set(codes.NOT_LEARNED)


def literals(path: str, pattern: str) -> set[str]:
    """Codes that stand as literals in a file; the pattern has to find some."""
    found = set(re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE))
    assert found, f"the pattern found nothing in {path}"
    return found


# Where a code is a literal: file, pattern, and who has its words.
LITERALS = [
    ("market/bids/domain/honest.py", r'limits(?:\["(\w+)"\]| = \{"(\w+)")', codes.LIMITS),
    ("market/bids/domain/honest.py", r'Decimal\(0\), "(\w+)"', codes.LIMITS),
    ("market/bids/domain/firm.py", r'_none\("(\w+)"', codes.LIMITS),
    (
        "aggregator/dispatch/domain/checker.py",
        r'(?:_over|Violation)\(\s*[\w(]+\)?, "(\w+)"|"(\w+_limit)"|"(all_or_nothing)"',
        codes.VIOLATIONS,
    ),
    ("aggregator/dispatch/domain/checker.py", r'"portfolio", "(\w+)"', codes.VIOLATIONS),
    ("market/settlement/queries/_trace_checks.py", r'(?:Check|_kwh|_fen|_each_period)\("(\w+)"', codes.CHECKS),
    ("market/bids/domain/awards.py", r'return "(\w+)"', codes.REFUSALS),
    ("market/bids/operations/_awards.py", r'return (?:"" if .* else )?"(\w+)"', codes.REFUSALS),
    ("market/bids/operations/_demand.py", r'_declined?\([^"]*"(\w+)"', codes.REFUSALS),
    ("market/bids/domain/steps.py", r'^        "(\w+)": ', codes.REFUSALS),
    ("market/bids/domain/offer.py", r'return "(no_\w+)"', codes.REFUSALS),
    ("market/instructions/domain.py", r'return "(\w+)"', codes.REFUSALS),
    ("market/instructions/operations.py", r'(?:reason=|return )"(\w+)"', codes.REFUSALS),
    ("market/settlement/domain/day.py", r'Unverified\([^"]*"([\w ]+)"', codes.REFUSALS),
    ("market/settlement/queries/_inputs.py", r'notes\.append\("(\w+)"\)', codes.REFUSALS),
    ("market/platforms/operations/delivery.py", r'stopped_reason = "(\w+)"', codes.REFUSALS),
    ("aggregator/dispatch/operations/_verify.py", r'why="([\w ]+)"', codes.REFUSALS),
    ("aggregator/metering/domain/_baseline.py", r'unchanged\("(\w+)"\)', codes.BASELINES),
    ("aggregator/dispatch/operations/_stop.py", r'action="([\w.]+)"', codes.ACTIONS),
    ("market/bids/operations/_send.py", r'_record\(row, "([\w.]+)"', codes.ACTIONS),
    ("market/platforms/operations/endpoints.py", r'_audit\(platform, "([\w.]+)"', codes.ACTIONS),
    ("market/platforms/operations/inbound.py", r'action="([\w.]+)"', codes.ACTIONS),
    ("market/platforms/operations/outbound.py", r'action="([\w.]+)"', codes.ACTIONS),
    ("market/settlement/operations/_finalise.py", r'action="([\w.]+)"', codes.ACTIONS),
    ("aggregator/support/alarms.py", r'action="([\w.]+)"', codes.ACTIONS),
    ("aggregator/assets/operations.py", r'_record\(asset, "([\w.]+)"', codes.ACTIONS),
    ("aggregator/forecasts/domain/_scores.py", r'Score\(None, None, None, "(\w+)"|"(no_persistence)"|"(no_band)"', codes.SCORE_GAPS),
    ("aggregator/forecasts/operations/_score.py", r'Score\(None, None, None, "(\w+)"', codes.SCORE_GAPS),
    ("aggregator/forecasts/domain/_kind_forecast.py", r'^        "(\w+)": ', codes.FORECAST_NOTES),
    ("aggregator/forecasts/domain/_member.py", r'"(no_history)"|"(not_computable)"|\("(\w+)",\)', codes.FORECAST_NOTES),
    ("aggregator/forecasts/domain/_levels.py", r'\("(\w+)",\)|\("(\w+)" if|else "(\w+)",\)', codes.FORECAST_NOTES),
    ("aggregator/forecasts/domain/_levels.py", r'quality="(\w+)"', codes.QUALITIES),
    ("vpp/staff/forms.py", r'^    \("(\w+)", _', codes.REASONS),
    ("vpp/portal/forms.py", r'^    \("(\w+)", _', codes.REASONS),
    ("vpp/daycycle.py", r'reason="(\w+)"', codes.REASONS),
    ("vpp/daycycle.py", r'"(\w+)": self\._', codes.STEPS),
]


@pytest.mark.parametrize(("path", "pattern", "words"), LITERALS)
def test_every_literal_code_has_words(path: str, pattern: str, words: dict) -> None:
    found = {code for hit in literals(path, pattern) for code in ([hit] if isinstance(hit, str) else hit) if code}
    assert not found - set(words), path


def test_what_a_rule_pack_says_of_itself_has_words() -> None:
    assert set(codes.RELIABILITIES) == set(RELIABILITIES)
    assert set(codes.PACK_SECTIONS) == set(SECTIONS)


def test_an_instruction_is_refused_in_words() -> None:
    """Any named error of what an instruction or a bid goes through may become a reason."""
    modules = (
        "aggregator/dispatch/operations/_plan.py",
        "aggregator/dispatch/domain/refusals.py",
        "market/bids/operations/_prepare.py",
        "market/rules/queries.py",
        "market/rules/domain/_figures.py",
    )
    named = set().union(*(literals(path, r'code = "([\w.]+)"') for path in modules))
    assert not named - set(codes.REFUSALS)


def test_states_have_words() -> None:
    lifecycles = (BID, INSTRUCTION, RUN, SETPOINT)
    assert not {state for lifecycle in lifecycles for state in lifecycle.states} - set(codes.STATES)
    assert not {*INBOUND.states, *OUTBOUND.states} - set(codes.MESSAGES)
    assert not {*OUTCOMES, *PURPOSES, *RUN_PURPOSES, *RUN_MODES, *PRODUCTS, *SEVERITIES, *STATUSES} - set(codes.STATES)


def test_every_alarm_has_words() -> None:
    """Alarm kinds are literals at the places that raise them."""
    raised = set()
    for app in ("aggregator", "market", "vpp"):
        for path in (ROOT / app).rglob("*.py"):
            raised |= set(re.findall(r'raise_alarm\(\s*kind="([^"]+)"', path.read_text()))
    assert raised, "the pattern found no alarm at all"
    assert not raised - set(codes.ALARMS)

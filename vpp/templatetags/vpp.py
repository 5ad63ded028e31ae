"""How codes, money and power are said to a person, in the active language."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from aggregator.support.models import Alarm
from vpp.texts import codes

register = template.Library()
GOOD = {"followed", "accepted", "awarded", "completed", "delivered", "done", "final", "optimal"}
WARN = {"unverified", "draft", "provisional", "warning", "expired", "unawarded", "received", "timeout", "fallback", "pending"}
BAD = {"contradicted", "rejected", "refused", "missed", "critical", "failed", "dead"}
ZERO_KW = 0.05
ZERO_MWH = 0.0005
LEAST_RATIO = 1e-4
LIMIT_KINDS = ("import_limit_kw", "export_limit_kw")


@register.filter
def yuan(fen: int | None) -> str:
    """Integer fen as yuan with two decimals, exact."""
    if fen is None:
        return gettext("no data")
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d} " + gettext("CNY")


@register.filter
def number(value: float | None) -> str:
    """One decimal; missing is said, never 0."""
    return gettext("no data") if value is None else f"{value:,.1f}"


@register.filter
def unit_text(unit: str) -> str:
    return {"CNY": gettext("CNY"), "fen": gettext("fen")}.get(unit, unit)


@register.filter
def percent(ratio: float) -> str:
    return f"{ratio * 100:.1f} %"


@register.filter
def small_percent(ratio: float | None) -> str:
    """Two decimals; of a gap. What is less than the last of them is not said to be nothing."""
    if ratio is None:
        return gettext("no data")
    return "< 0.01 %" if 0 < ratio < LEAST_RATIO else f"{ratio * 100:.2f} %"


@register.filter
def cny(value: float | None) -> str:
    """Yuan that were computed, not booked."""
    return gettext("no data") if value is None else f"{value:,.2f} " + gettext("CNY")


@register.filter
def seconds(value: float | None) -> str:
    return gettext("no data") if value is None else f"{value:,.3f} s" if value < 10 else f"{value:,.1f} s"


@register.filter
def unlocalised(value: float) -> str:
    """A number for a picture's coordinates, whatever the reader's language."""
    return f"{value:.4f}"


@register.filter
def minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"


@register.filter
def own_name(row: Any) -> str:
    """The name in the reader's language."""
    return row.name_en if (get_language() or "").startswith("en") else row.name_zh


def _known(words: dict[str, Any], code: str) -> str:
    return str(words.get(code, code))


@register.filter
def state_text(code: str) -> str:
    return _known(codes.STATES, code)


@register.filter
def state_chip(code: str) -> SafeString:
    """A coloured word; the colour repeats what the word says."""
    return _chip(code, state_text(code))


@register.filter
def message_chip(code: str) -> SafeString:
    """The same of a platform message."""
    return _chip(code, _known(codes.MESSAGES, code))


def _chip(code: str, text: str) -> SafeString:
    look = "good" if code in GOOD else "warn" if code in WARN else "bad" if code in BAD else ""
    return format_html('<span class="chip {}">{}</span>', look, text)


@register.filter
def reason_text(code: str) -> str:
    return _known(codes.LIMITS | codes.REASONS | codes.REFUSALS, code)


@register.filter
def limit_text(code: str) -> str:
    return _known(codes.LIMITS, code) if code else ""


@register.filter
def note_text(code: str) -> str:
    """What a plan or a report could not rely on."""
    return _known(codes.NOTES, code)


@register.filter
def forecast_note_text(code: str) -> str:
    """What a forecast could not rely on."""
    return _known(codes.FORECAST_NOTES, code)


@register.filter
def quality_chip(code: str) -> SafeString:
    """How good a forecast is."""
    look = "good" if code == "good" else "bad" if code == "missing" else "warn"
    return format_html('<span class="chip {}">{}</span>', look, _known(codes.QUALITIES, code))


@register.filter
def score_gap_text(code: str) -> str:
    """Why a score has no figure."""
    return _known(codes.SCORE_GAPS, code)


@register.filter
def lead_text(code: str) -> str:
    """How long before a period its forecast was issued."""
    return _known(codes.LEADS, code)


@register.filter
def not_learned_text(code: str) -> str:
    """Why a period taught a forecast nothing."""
    return _known(codes.NOT_LEARNED, code)


@register.filter
def scored_text(kind: str) -> str:
    """A kind of asset, or the portfolio."""
    return gettext("Portfolio") if kind == "portfolio" else kind_text(kind)


@register.filter
def availability_text(code: str) -> str:
    """How a bid's scenarios came about; the day whose generation and load one takes stands as it is."""
    return _known(codes.AVAILABILITIES, code)


@register.filter
def rule_text(code: str) -> str:
    """By which rule an instruction is split."""
    return _known(codes.RULES, code)


@register.filter
def method_text(code: str) -> str:
    return _known(codes.METHODS, code)


@register.filter
def index_number(value: float | None) -> str:
    """Of evenness, 0 to 1."""
    return gettext("no data") if value is None else f"{value:.3f}"


@register.filter
def axis_text(code: str) -> str:
    return _known(codes.AXES, code)


@register.filter
def stage_text(code: str) -> str:
    """A stage of an optimisation."""
    return _known(codes.STAGES, code)


@register.filter
def limit_price(row: dict[str, Any]) -> str:
    """What one more unit of a binding limit would have saved."""
    unit = {"cny_per_kwh": gettext("CNY/kWh"), "cny_per_kw": gettext("CNY/kW")}.get(row["unit"], row["unit"])
    return f"{row['price']:,.4f} {unit}"


@register.filter
def violation_text(code: str) -> str:
    """A limit that the independent check of a plan found broken."""
    return _known(codes.VIOLATIONS, code)


@register.filter
def component_text(code: str) -> str:
    return _known(codes.COMPONENTS, code)


@register.filter
def kind_text(code: str) -> str:
    return _known(codes.KINDS, code)


@register.filter
def check_text(code: str) -> str:
    return _known(codes.CHECKS, code)


@register.filter
def action_text(code: str) -> str:
    return _known(codes.ACTIONS, code)


@register.filter
def reliability_text(code: str) -> str:
    return _known(codes.RELIABILITIES, code)


@register.filter
def pack_path(path: str) -> str:
    """Where in a rule pack a figure stands: the section in words, the rest as it is written there."""
    section, dot, rest = path.partition(".")
    return f"{_known(codes.PACK_SECTIONS, section)}{dot}{rest}"


@register.filter
def baseline_text(code: str) -> str:
    """Method of a baseline, or why a day is none of its examples."""
    return _known(codes.BASELINES, code)


@register.filter
def signed_power(kw: float | Decimal | None) -> str:
    """Never a raw sign: drawing 320 kW, feeding in 80 kW."""
    if kw is None:
        return gettext("no data")
    return "0.0 kW" if -ZERO_KW < kw < ZERO_KW else f"{_direction(kw)} {abs(kw):,.1f} kW"


@register.filter
def kw(value: float | None) -> str:
    """Of a size that has no direction, or whose direction is said beside it."""
    return gettext("no data") if value is None else f"{value:,.1f} kW"


@register.filter
def signed_energy(kwh: float | Decimal | None) -> str:
    """The same of energy."""
    if kwh is None:
        return gettext("no data")
    return "0.0 kWh" if -ZERO_KW < kwh < ZERO_KW else f"{_direction(kwh)} {abs(kwh):,.1f} kWh"


@register.filter
def mwh(value: float | None) -> str:
    """Injection in MWh, never with a raw sign."""
    if value is None:
        return gettext("no data")
    return "0.000 MWh" if abs(value) < ZERO_MWH else f"{_direction(value)} {abs(value):,.3f} MWh"


def _direction(value: float | Decimal) -> str:
    return gettext("feeding in") if value > 0 else gettext("drawing")


@register.filter
def change_power(kw: float | Decimal | None) -> str:
    """A change against the baseline: up- or down-regulation."""
    if kw is None:
        return gettext("no data")
    return f"{_regulation(kw)} {abs(kw):,.1f} kW"


@register.filter
def change_energy(kwh: float | Decimal | None) -> str:
    if kwh is None:
        return gettext("no data")
    if not kwh:
        return "0 kWh"
    return f"{_regulation(kwh)} {abs(kwh):,.3f} kWh"


def _regulation(value: float | Decimal) -> str:
    return gettext("up") if value > 0 else gettext("down")


@register.filter
def line_energy(line: Any) -> str:
    """What a settlement or statement line counts: the market and the neighbours are sold to, or bought from."""
    kwh = line.quantity_kwh
    size = f"{abs(kwh):,.3f}"
    correction = getattr(line, "correction_of_version", None)
    if line.component.startswith("demand_response."):
        word = (gettext("more by") if kwh > 0 else gettext("less by")) if correction else ""
    elif correction:
        word = gettext("toward selling") if kwh > 0 else gettext("toward buying")
    else:
        word = gettext("sold") if kwh > 0 else gettext("bought")
    return f"{word} {size}" if word and kwh else size


@register.filter
def setpoint_text(setpoint: Any) -> str:
    return _asked(setpoint.kind, setpoint.value_kw)


def _asked(kind: str, value_kw: float) -> str:
    if kind not in LIMIT_KINDS:
        return signed_power(value_kw)
    word = gettext("draw at most") if kind == "import_limit_kw" else gettext("feed in at most")
    return f"{word} {value_kw:,.1f} kW"


# Fields of an alarm that are codes, and who knows their words.
FIELD_WORDS = {"product": state_text, "reason": reason_text, "step": lambda code: _known(codes.STEPS, code)}


@register.filter
def alarm_text(alarm: Alarm) -> str:
    """What happened and what to do; powers with words for their direction, codes in the reader's language."""
    text = codes.ALARMS.get(alarm.kind)
    if text is None:
        return alarm.kind
    fields = {name: FIELD_WORDS[name](value) if name in FIELD_WORDS and value else value for name, value in alarm.fields.items()}
    if "value_kw" in fields:
        fields["asked"] = _asked(fields.get("kind_of_setpoint", ""), fields["value_kw"])
    if "measured_kw" in fields:
        fields["shown"] = signed_power(fields["measured_kw"])
    if "since" in fields:
        fields["since"] = timezone.localtime(datetime.fromisoformat(fields["since"])).strftime("%m-%d %H:%M")
    try:
        return str(text) % {"key": alarm.key, **fields}
    except (KeyError, TypeError):  # a field of an older row is missing or null: show what there is
        return f"{alarm.kind} {alarm.key}"


@register.filter
def moment(iso: str) -> str:
    """HH:MM local of an ISO time kept in JSON."""
    return timezone.localtime(datetime.fromisoformat(iso)).strftime("%H:%M")


@register.filter
def toward_order(kwh: Decimal | None) -> str:
    """Realised energy counts in the order's direction; what went the other way is said so."""
    if kwh is None:
        return gettext("not verified")
    word = gettext("the other way")
    return f"{word} {abs(kwh):,.3f}" if kwh < 0 else f"{kwh:,.3f}"

"""How codes, money and power are said to a person, in the active language."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from aggregator.dispatch.models import Setpoint
from aggregator.support.models import Alarm
from vpp.texts import codes

register = template.Library()
GOOD = {"followed", "accepted", "awarded", "completed", "delivered", "done", "final", "optimal"}
WARN = {"unverified", "draft", "provisional", "warning", "expired", "unawarded", "received", "timeout", "fallback", "pending"}
BAD = {"contradicted", "rejected", "refused", "missed", "critical", "failed", "dead"}


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
def percent(ratio: float) -> str:
    return f"{ratio * 100:.1f} %"


@register.filter
def own_name(row: Any) -> str:
    """The name in the reader's language."""
    return row.name_en if (get_language() or "").startswith("en") else row.name_zh


@register.filter
def state_text(code: str) -> str:
    return str(codes.STATES.get(code, code))


@register.filter
def state_chip(code: str) -> SafeString:
    """A coloured word; the colour repeats what the word says."""
    look = "good" if code in GOOD else "warn" if code in WARN else "bad" if code in BAD else ""
    return format_html('<span class="chip {}">{}</span>', look, state_text(code))


@register.filter
def reason_text(code: str) -> str:
    return str(codes.REASONS.get(code, code))


@register.filter
def limit_text(code: str) -> str:
    return str(codes.LIMITS.get(code, code)) if code else ""


@register.filter
def component_text(code: str) -> str:
    return str(codes.COMPONENTS.get(code, code))


@register.filter
def kind_text(code: str) -> str:
    return str(codes.KINDS.get(code, code))


@register.filter
def signed_power(kw: float | None) -> str:
    """Never a raw sign: drawing 320 kW, feeding in 80 kW."""
    if kw is None:
        return gettext("no data")
    word = gettext("feeding in") if kw > 0 else gettext("drawing")
    return f"{abs(kw):,.1f} kW" if abs(kw) < 0.05 else f"{word} {abs(kw):,.1f} kW"


@register.filter
def setpoint_text(setpoint: Setpoint) -> str:
    if setpoint.kind == "injection_kw":
        return signed_power(setpoint.value_kw)
    word = gettext("draw at most") if setpoint.kind == "import_limit_kw" else gettext("feed in at most")
    return f"{word} {setpoint.value_kw:,.1f} kW"


@register.filter
def alarm_text(alarm: Alarm) -> str:
    text = codes.ALARMS.get(alarm.kind)
    if text is None:
        return alarm.kind
    try:
        return str(text) % {"key": alarm.key, **alarm.fields}
    except (KeyError, TypeError):  # a field of an older row is missing or null: show what there is
        return f"{alarm.kind} {alarm.key}"


@register.filter
def check_text(code: str) -> str:
    return str(codes.CHECKS.get(code, code))


@register.filter
def moment(iso: str) -> str:
    """HH:MM local of an ISO time kept in JSON."""
    return timezone.localtime(datetime.fromisoformat(iso)).strftime("%H:%M")

"""People never see a raw sign, a code, or a zero in place of what is missing."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.utils import translation

from vpp.templatetags import vpp as words


@dataclass
class Setpoint:
    kind: str
    value_kw: float


@dataclass
class Line:
    component: str
    quantity_kwh: Decimal
    correction_of_version: int | None = None


@dataclass
class Alarm:
    kind: str
    fields: dict
    key: str = "k"


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("kw", "said"), [(-320, "drawing 320.0 kW"), (80, "feeding in 80.0 kW"), (0.01, "0.0 kW"), (-0.01, "0.0 kW"), (None, "no data")]
)
def test_power_has_a_direction_and_no_sign(kw, said: str) -> None:
    assert words.signed_power(kw) == said


def test_the_same_in_chinese() -> None:
    with translation.override("zh-hans"):
        assert words.signed_power(-320) == "用电 320.0 kW"
        assert words.signed_power(80) == "送电 80.0 kW"
        assert words.change_power(-6000) == "下调 6,000.0 kW"


def test_a_limit_is_said_as_a_limit() -> None:
    assert words.setpoint_text(Setpoint("import_limit_kw", 9.6)) == "draw at most 9.6 kW"
    assert words.setpoint_text(Setpoint("export_limit_kw", 0.0)) == "feed in at most 0.0 kW"
    assert words.setpoint_text(Setpoint("injection_kw", -5)) == "drawing 5.0 kW"


def test_an_alarm_speaks_of_limits_directions_and_reasons() -> None:
    fields = {"asset": "ev-1", "kind_of_setpoint": "import_limit_kw", "value_kw": 9.6, "measured_kw": -40.3}
    said = words.alarm_text(Alarm("setpoint.contradicted", fields))
    assert "draw at most 9.6 kW" in said
    assert "drawing 40.3 kW" in said
    assert "-" not in said.replace("ev-1", "")
    refused = words.alarm_text(Alarm("instruction.refused", {"reference": "I-1", "reason": "dispatch.stop_active"}))
    assert "the global stop is active" in refused


def test_an_older_alarm_without_its_fields_still_shows_something() -> None:
    assert words.alarm_text(Alarm("setpoint.contradicted", {"asset": "ev-1"})) == "setpoint.contradicted k"
    assert words.alarm_text(Alarm("never.heard", {})) == "never.heard"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (Line("spot.deviation", Decimal("-5.5")), "bought 5.500"),
        (Line("green.premium", Decimal("1200")), "sold 1,200.000"),
        (Line("demand_response.energy", Decimal("7")), "7.000"),
        (Line("demand_response.energy", Decimal("-7"), 1), "less by 7.000"),
        (Line("spot.day_ahead", Decimal("-2"), 1), "toward buying 2.000"),
        (Line("spot.day_ahead", Decimal("0")), "0.000"),
    ],
)
def test_settled_energy_is_sold_or_bought(line: Line, said: str) -> None:
    assert words.line_energy(line) == said


@pytest.mark.parametrize(("fen", "said"), [(123456, "1,234.56 CNY"), (-5, "-0.05 CNY"), (0, "0.00 CNY"), (None, "no data")])
def test_fen_are_shown_exactly(fen, said: str) -> None:
    assert words.yuan(fen) == said

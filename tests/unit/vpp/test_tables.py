"""An export is never run as a program by the spreadsheet that opens it."""

import csv
import io
from decimal import Decimal

import pytest

from vpp.tables import csv_answer, safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "\n=1", "\uff1d1"])
def test_a_formula_is_made_harmless(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "a=b", "", -5, Decimal("-0.5"), 0, None])
def test_everything_else_passes(value) -> None:
    assert safe_cell(value) == value


def test_the_file_says_its_encoding_and_leaves_missing_empty() -> None:
    answer = csv_answer("x", ["name", "kwh"], [["=cmd", Decimal("-1.5")], ["电站, 一", None]])
    text = answer.content.decode("utf-8-sig")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer["Content-Disposition"] == 'attachment; filename="x.csv"'
    assert list(csv.reader(io.StringIO(text))) == [["name", "kwh"], ["'=cmd", "-1.5"], ["电站, 一", ""]]

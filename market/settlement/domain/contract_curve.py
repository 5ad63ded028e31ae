"""The medium- and long-term contract curve of a site, from the method that its contract declares."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from aggregator.kernel.calendar import is_working
from aggregator.kernel.errors import Anticipated

SEARCH_DAYS = 60
USUAL = {"days": 4, "round_kw": 10}  # where the contract's rule does not say


class ContractCurveMethodUnknown(Anticipated):
    code = "settlement.contract_curve_method_unknown"
    text = "The contract curve method %(method)s is not known; known are: %(known)s."
    status = 422


class ContractCurveHistoryShort(Anticipated):
    code = "settlement.contract_curve_history_short"
    text = "The contract curve of site %(site)s needs %(needed)s complete days of this type in %(searched)s days; %(found)s are known."
    status = 409


def needs_history(rule: Mapping[str, Any]) -> bool:
    """Whether the declared method looks at past readings. Raises ContractCurveMethodUnknown."""
    method = rule.get("method")
    if method not in ("typical_day", "none"):
        raise ContractCurveMethodUnknown(method=str(method), known="typical_day, none")
    return method == "typical_day"


def contract_curve_wh(
    *, site: str, rule: Mapping[str, Any], day: date, n_periods: int, hours: Fraction, history: Mapping[date, Sequence[int | None]]
) -> tuple[int, ...]:
    """Contracted injection [Wh] per period, shape (n_periods,).

    `typical_day`: the mean of the last `days` complete days of the same type (working or not) before
    `day`, period by period, in whole steps of `round_kw`; both stand in the contract's rule (usually 4 days, 10 kW).
    `none`: nothing is contracted. `history` holds
    metered injection [Wh] per period and day as it was known when the contract was fixed.
    Raises ContractCurveMethodUnknown, ContractCurveHistoryShort.
    """
    if not needs_history(rule):
        return (0,) * n_periods
    terms = {**USUAL, **rule}
    days, step_wh = int(terms["days"]), hours * Fraction(str(terms["round_kw"])) * 1000
    alike = [
        values
        for sample, values in sorted(history.items(), reverse=True)
        if 0 < (day - sample).days <= SEARCH_DAYS
        and is_working(sample) == is_working(day)
        and len(values) == n_periods
        and None not in values
    ][:days]
    if len(alike) < days:
        raise ContractCurveHistoryShort(site=site, needed=days, searched=SEARCH_DAYS, found=len(alike))
    return tuple(_whole_steps(Fraction(sum(column), days), step_wh) for column in zip(*alike, strict=True))


def _whole_steps(mean_wh: Fraction, step_wh: Fraction) -> int:
    ratio = mean_wh / step_wh
    steps = int((Decimal(ratio.numerator) / Decimal(ratio.denominator)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return int(steps * step_wh)

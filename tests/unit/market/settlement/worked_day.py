"""The worked day of docs/settlement.md, read from the page itself."""

import re
from decimal import Decimal
from pathlib import Path

from market.settlement.domain import DayInputs, Event, GreenDelivery, PaymentRule, SiteDay

PAGE = Path(__file__).resolve().parents[4] / "docs" / "settlement.md"
RATIOS = {
    "A": {"spot": Decimal("0.20"), "demand_response": Decimal("0.30"), "green": Decimal("0.10")},
    "B": {"spot": Decimal("0.10"), "demand_response": Decimal("0.20"), "green": Decimal("0.10")},
}
RULE = PaymentRule("R-80/120", Decimal("0.8"), Decimal("1.2"), Decimal(0), Decimal("0.95"), Decimal("0.5"))


def table(first_heading: str) -> list[dict[str, str]]:
    """Rows of the page's table whose header starts with `first_heading`, as heading -> text."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines):
        if re.match(rf"\|\s*{re.escape(first_heading)}\s*\|", line):
            heads = _cells(line)
            rows = []
            for row in lines[at + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append(dict(zip(heads, _cells(row), strict=True)))
            return rows
    raise AssertionError(f"no table {first_heading!r} in {PAGE}")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def wh(kwh: str) -> int:
    return int(Decimal(kwh) * 1000)


def worked_day(**readings: tuple[int, ...]) -> DayInputs:
    """Inputs of the worked day; `A` or `B` replaces the metered injection [Wh] of that site."""
    rows = {row.pop("worked inputs"): list(row.values()) for row in table("worked inputs")}

    def energies(name: str) -> tuple[int, ...]:
        return tuple(wh(cell) for cell in rows[name])

    def site(name: str) -> SiteDay:
        metered = readings.get(name, energies(f"{name} Q_act"))
        return SiteDay(name, name, metered, energies(f"{name} Q_mlt"), energies(f"{name} Q_da"))

    event = Event(
        key="order",
        direction=1,
        ordered_wh={2: 100_000},
        price_cny_per_mwh={2: Decimal(3000)},
        baseline_wh={"A": {2: -120_000}, "B": {2: -200_000}},
        planned_wh={"A": {2: 55_000}, "B": {2: 40_000}},
    )
    return DayInputs(
        slots_per_hour=1,
        day_ahead_prices=tuple(Decimal(cell) for cell in rows["P_da"]),
        real_time_prices=tuple(Decimal(cell) for cell in rows["P_rt"]),
        award_wh=energies("award"),
        sites=(site("A"), site("B")),
        events=(event,),
        rule=RULE,
        green=(GreenDelivery("A", "B", 3, 20_000),),
        premium_cny_per_mwh=Decimal(30),
    )

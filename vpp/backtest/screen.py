"""The figures of a backtest on the terminal."""

from typing import Any

from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from vpp.backtest.issues import DAY_AHEAD

SHOWN = 3  # assets at either end
RATIOS = ("nmae", "nrmse", "bias", "pinball", "coverage_p10_p90", "skill", "live")


def show(console: Console, found: dict[str, Any]) -> None:
    console.print(_table(found))
    assets = found["assets"]
    if assets:
        least, most = _listed(assets[:SHOWN]), _listed(assets[::-1][:SHOWN])
        console.print(_("Day-ahead P10-P90 of single assets held least: %(assets)s") % {"assets": least}, markup=False)
        console.print(_("and most: %(assets)s") % {"assets": most}, markup=False)
    if any(row["horizon"] != DAY_AHEAD and row["live_ratio"] == 0 for row in found["scores"]):
        console.print(_("Live 0 %: no power of the hour before the issue was known by then, so the forecast is the one of the day before."))
    for row in found["missed"]:
        facts = {**row, "reason": _why(row["reason"])}
        console.print(_("%(portfolio)s %(day)s, %(issue)s: no score, %(reason)s") % facts, style="yellow", markup=False)


def _table(found: dict[str, Any]) -> Table:
    title = f"{found['park']} {found['from']} .. {found['to']}"
    table = Table(title=f"{title} ({_('synthetic data')})" if found["synthetic"] else title)
    for name in (_("portfolio"), _("kind"), _("horizon")):
        table.add_column(name)
    for name in (_("values"), "nMAE", "nRMSE", _("bias"), "pinball", "P10-P90", _("skill"), _("live")):
        table.add_column(name, justify="right")
    for row in found["scores"]:
        ratios = (_percent(row[f"{name}_ratio"]) for name in RATIOS)
        table.add_row(row["portfolio"], row["kind"], row["horizon"], f"{row['values']:,}", *ratios)
    return table


def _listed(assets: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['asset']} ({row['site']}) {_percent(row['coverage_p10_p90_ratio'])}" for row in assets)


def _why(code: str) -> str:
    words = {
        "no_forecast": _("no asset could be forecast"),
        "no_actual": _("nothing was measured of assets left alone"),
        "forecasts.portfolio_empty": _("there is no such asset on that day"),
    }
    return words.get(code, code)


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{100 * ratio:.1f} %"

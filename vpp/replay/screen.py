"""What a person sees on the terminal: a bar while the day is played, and a table after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vpp.replay.conductor import Say

ROWS = (
    ("cost without VPP [CNY]", "cost_without_vpp_fen", "fen"),
    ("cost with VPP [CNY]", "cost_with_vpp_fen", "fen"),
    ("cost with perfect foresight [CNY]", "cost_perfect_foresight_fen", "fen"),
    ("captured value", "captured_value_ratio", "ratio"),
    ("renewables used in the park, without", "renewable_self_consumption_ratio_without", "ratio"),
    ("renewables used in the park, with", "renewable_self_consumption_ratio_with", "ratio"),
    ("renewables curtailed, with [MWh]", "curtailed_mwh_with", "mwh"),
    ("day-ahead energy bid, expected [MWh]", "spot_bid_mwh", "net_mwh"),
    ("  awarded", "spot_award_mwh", "net_mwh"),
    ("demand response bid [MWh]", "bid_mwh", "mwh"),
    ("  awarded", "award_mwh", "mwh"),
    ("  ordered", "instruction_mwh", "mwh"),
    ("  delivered", "delivered_mwh", "mwh"),
    ("  deficiency", "deficiency_mwh", "mwh"),
    ("setpoints", "setpoints", "count"),
    ("  = followed", "followed", "count"),
    ("  + contradicted", "contradicted", "count"),
    ("  + owner's need went first", "owner_need", "count"),
    ("  + not verified", "unverified", "count"),
    ("  + superseded by a newer plan", "superseded", "count"),
    ("  + not judged yet", "pending", "count"),
    ("setpoints acknowledged by a gateway", "acknowledged", "count"),
    ("re-dispatches", "redispatched", "count"),
    ("plans withheld by the independent check", "plans_withheld", "count"),
    ("revenue [CNY]", "revenue_fen", "fen"),
    ("  statements", "statements_total_fen", "fen"),
    ("  operator", "operator_fen", "fen"),
    ("  unallocated", "unallocated_fen", "fen"),
    ("limit violations", "limit_violations", "count"),
    ("messages in / out / duplicates", None, "messages"),
    ("peak memory [MiB]", "peak_memory_mib", "count"),
)
FORMATS = {
    "fen": lambda fen: f"{fen / 100:,.2f}",
    "ratio": lambda ratio: f"{ratio:.1%}",
    "mwh": lambda mwh: f"{mwh:,.3f}",
    "net_mwh": lambda mwh: f"{abs(mwh):,.3f} {'bought' if mwh < 0 else 'sold'}",
    "count": lambda count: f"{count:,}",
}


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[Say]:
    """A bar with the phase of the day; yields what moves it."""
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[phase]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=1.0, phase="")
        yield lambda phase, share: progress.update(task, completed=share, phase=phase)
        progress.update(task, completed=1.0, phase="")


def result_table(console: Console, summary: dict[str, Any]) -> None:
    """The figures a person looks for first; the rest is in the JSON."""
    label = "synthetic data" if summary["synthetic"] else "measured data, assumed contracts"
    table = Table(title=f"{summary['park']} {summary['delivery_day']} ({label})", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for title, key, kind in ROWS:
        table.add_row(title, _cell(summary, key, kind))
    for kind, score in (summary["forecast"] or {}).items():
        table.add_row(f"forecast {kind}: nMAE (persistence), P10-P90", _score(score))
    table.add_row("wall time [s]", f"{sum(step['seconds'] for step in summary['steps']):.1f}")
    console.print(table)


def _cell(summary: dict[str, Any], key: str | None, kind: str) -> str:
    if key is None:
        return " / ".join(str(summary[name]) for name in ("messages_in", "messages_out", "duplicates_ignored"))
    value = summary[key]
    return f"– ({summary[f'{key}_reason']})" if value is None else FORMATS[kind](value)


def _score(score: dict[str, Any]) -> str:
    shown = [f"{score[name]:.1%}" if score[name] is not None else "–" for name in ("nmae", "nmae_persistence", "coverage_p10_p90")]
    return f"{shown[0]} ({shown[1]}), {shown[2]}"

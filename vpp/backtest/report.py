"""The figures of a backtest, per portfolio, kind and horizon, and how well the bands of single assets held."""

from dataclasses import asdict
from typing import Any

from aggregator.assets.queries import Member, assets_by_id
from aggregator.forecasts.domain import MODEL_VERSION, Figures, Tally, figures, mean_size_kw
from aggregator.forecasts.queries import capacities_kw
from vpp.backtest.issues import DAY_AHEAD, HORIZONS
from vpp.backtest.plan import Plan
from vpp.backtest.run import Totals

WHOLE = "portfolio"
DIGITS = 6


def report(plan: Plan, totals: Totals, *, inputs: str) -> dict[str, Any]:
    """Plain values: the same backtest gives the same ones. None = cannot be said."""
    ids = sorted({asset_id for _, _, asset_id in totals.tallies if asset_id is not None})
    members = assets_by_id(asset_ids=ids)
    rows, assets = [], []
    for portfolio in plan.portfolios:
        rows += _rows(portfolio.code, totals, members)
        assets += _assets(portfolio.code, totals, members)
    return {
        "park": plan.park.code,
        "synthetic": plan.park.synthetic,
        "from": plan.first.isoformat(),
        "to": plan.last.isoformat(),
        "kind": plan.kind,
        "model_version": MODEL_VERSION,
        "inputs_hash": inputs,
        "scores": rows,
        "assets": assets,
        "missed": [
            {"portfolio": m.portfolio, "day": m.day.isoformat(), "issue": m.what, "reason": m.why} for m in dict.fromkeys(totals.missed)
        ],
    }


def _rows(portfolio: str, totals: Totals, members: dict[int, Member]) -> list[dict[str, Any]]:
    out = []
    for horizon in HORIZONS:
        of_assets = {pk: one for (code, name, pk), one in totals.tallies.items() if (code, name) == (portfolio, horizon) and pk is not None}
        references = _references(of_assets, members)
        for kind in sorted({members[pk].kind for pk in of_assets}):
            own = [pk for pk in of_assets if members[pk].kind == kind]
            made = figures(tallies=[of_assets[pk] for pk in own], reference_kw=[references[pk] for pk in own])
            out.append(_row(portfolio, kind, horizon, made))
        whole = totals.tallies.get((portfolio, horizon, None))
        if whole is not None:
            made = figures(tallies=[whole], reference_kw=[sum(references[pk] for pk, one in of_assets.items() if one.values)])
            out.append(_row(portfolio, WHOLE, horizon, made))
    return sorted(out, key=lambda row: (row["kind"] != WHOLE, row["kind"]))


def _references(of_assets: dict[int, Tally], members: dict[int, Member]) -> dict[int, float]:
    """Capacity, or the mean power in the range [kW]."""
    capacities = capacities_kw([members[pk] for pk in of_assets])
    return {pk: mean_size_kw(one) if kw != kw else float(kw) for (pk, one), kw in zip(of_assets.items(), capacities, strict=True)}


def _row(portfolio: str, kind: str, horizon: str, made: Figures) -> dict[str, Any]:
    values = {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in asdict(made).items()}
    if horizon == DAY_AHEAD:
        values["live_ratio"] = None  # it looks at whole days
    return {"portfolio": portfolio, "kind": kind, "horizon": horizon, **values}


def _assets(portfolio: str, totals: Totals, members: dict[int, Member]) -> list[dict[str, Any]]:
    """Day-ahead bands of single assets, the least held first."""
    out = []
    for (code, horizon, pk), one in totals.tallies.items():
        if (code, horizon) == (portfolio, DAY_AHEAD) and pk is not None and one.bands:
            member = members[pk]
            facts = {"portfolio": portfolio, "asset": member.code, "site": member.site_code, "kind": member.kind}
            out.append({**facts, "values": int(one.bands), "coverage_p10_p90_ratio": round(one.inside / one.bands, DIGITS)})
    return sorted(out, key=lambda row: (row["coverage_p10_p90_ratio"], row["asset"], row["site"]))

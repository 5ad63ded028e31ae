"""The risk behind a spot bid: the optimiser's run and the figures of the scenarios, for the bid's row."""

from datetime import datetime
from typing import Any

import numpy as np

from aggregator.dispatch.domain import ScheduleProblem
from aggregator.dispatch.models import OptimisationRun
from aggregator.support.alarms import raise_alarm
from market.bids.domain import JointScenarios, SpotOffer, scenario_rows
from market.bids.operations._planning import PlanningDay


def store_risk(
    plan: PlanningDay,
    offer: SpotOffer,
    scenarios: JointScenarios,
    problem: ScheduleProblem,
    *,
    digest: str,
    now: datetime,
) -> dict[str, Any]:
    """Columns of the bid's risk. Curves that stand leave a row of their run; refused ones an alarm, and no costs."""
    rows = scenario_rows(offer, scenarios, hours=plan.grid.hours)
    known = {"n_scenarios": len(scenarios), "availability": scenarios.availability, "scenarios": rows}
    curves = offer.curves
    if curves is None:
        _alarm(plan, offer.refused, now)
        return known
    figures = {
        "risk_weight": curves.risk_weight,
        "risk_confidence": curves.confidence,
        "expected_cost_cny": curves.expected_cost_cny,
        "value_at_risk_cny": curves.value_at_risk_cny,
        "cvar_cny": curves.cvar_cny,
        "lower_bound_cny": curves.lower_bound_cny,
        "relief_kwh": float(np.mean([row["relief_kwh"] for row in rows])),
    }
    run = OptimisationRun.objects.create(
        portfolio_id=plan.portfolio.id,
        purpose="bid",
        reference=f"spot {plan.day.isoformat()}",
        computed_at=now,
        starts_at=plan.grid.starts_at,
        resolution_s=int(plan.grid.resolution.total_seconds()),
        n_periods=len(plan.grid),
        n_assets=len(problem.devices),
        n_sites=len(problem.sites),
        mode="curves",
        status=curves.status,
        solver=curves.solver,
        cost_cny=curves.objective_cny,
        lower_bound_cny=curves.lower_bound_cny,
        stages=curves.seconds,
        details={
            **figures,
            "n_scenarios": len(scenarios),
            "availability": scenarios.availability,
            "deviation_basis": scenarios.deviation.basis,
            "deviation_days": scenarios.deviation.days,
            "parks": 0 if offer.asked is None else len(offer.asked.parks),
            "price_points": curves.quantity_kw.shape[1],
            "days": sorted({day.isoformat() for day in scenarios.days}),
        },
        inputs_hash=digest,
    )
    return {**known, **figures, "optimisation_run": run}


def _alarm(plan: PlanningDay, reason: str, now: datetime) -> None:
    day = plan.day.isoformat()
    raise_alarm(
        kind="bid.curves_refused",
        key=f"{plan.portfolio.id}/{day}/spot",
        severity="warning",
        at=now,
        product="spot",
        day=day,
        reason=reason,
    )

"""Why each period is offered as it is, and which limit binds there: codes, translated on screen."""

from datetime import datetime
from typing import Any

import numpy as np

from aggregator.dispatch.domain import Schedule, ScheduleProblem
from market.bids.domain.honest import FirmOffer
from market.bids.domain.offer import FALLBACK, SpotOffer

NEAR_KW = 1e-3
NEAR_KWH = 1e-3
REASONS = ("price_responsive", "price_independent", "demand_response_window", "baseline_fallback", "demand_response_offer")
LIMITS = ("site_limit_relaxed", "import_limit", "export_limit", "energy_limit", "power_limit", "")


def explain_spot(problem: ScheduleProblem, offer: SpotOffer) -> list[dict[str, Any]]:
    """One row per period: {starts_at, reason, limit}. The limit is that of the plan at the expected prices."""
    limits = binding_limits(problem, offer.plan) if offer.plan is not None else [""] * len(problem.grid)
    rows = []
    for t, at in enumerate(problem.grid.starts):
        if offer.solver_status == FALLBACK:
            reason = "baseline_fallback"
        elif offer.in_window[t]:
            reason = "demand_response_window"
        else:
            reason = "price_responsive" if len({step.injection_kw for step in offer.steps[t]}) > 1 else "price_independent"
        rows.append({"starts_at": at.isoformat(), "reason": reason, "limit": limits[t]})
    return rows


def explain_firm(starts: tuple[datetime, ...], offer: FirmOffer, *, adjustment: str) -> list[dict[str, Any]]:
    """One row per period of the window, with the figures that the quantity came from [kW], and `baseline_adjustment`:
    what was done to the mean of earlier days that the quantity is offered against."""
    figures = {"planned_kw": round(offer.planned_kw, 3), "margin_kw": round(offer.margin_kw, 3), "firm_kw": round(offer.firm_kw, 3)}
    labels = {"reason": "demand_response_offer", "limit": offer.limit, "baseline_adjustment": adjustment}
    return [{"starts_at": at.isoformat(), **labels, **figures} for at in starts]


def binding_limits(problem: ScheduleProblem, plan: Schedule) -> list[str]:
    """Per period the limit nearest to the owner that the plan touches; "" where none."""
    n = len(problem.grid)
    touched = {name: np.zeros(n, dtype=bool) for name in LIMITS if name}
    for row in plan.relaxed:
        touched["site_limit_relaxed"][row.period] = True
    for key, site in problem.sites.items():
        touched["import_limit"] |= plan.import_kw[key] >= max(site.import_limit_kw, NEAR_KW) - NEAR_KW
        touched["export_limit"] |= (site.export_limit_kw > 0) & (plan.export_kw[key] >= site.export_limit_kw - NEAR_KW)
    for key, (_, device) in problem.devices.items():
        for used, cap in ((plan.up_kw[key], device.up_kw), (plan.down_kw[key], device.down_kw)):
            touched["power_limit"] |= (used > NEAR_KW) & (used >= cap - NEAR_KW)
        if device.store is not None and device.up_kw.any():
            stored = plan.stored_kwh[key]
            full, empty = stored >= device.store.max_kwh - NEAR_KWH, stored <= device.store.min_kwh + NEAR_KWH
            touched["energy_limit"] |= full | empty
    return [next((name for name in LIMITS if name and touched[name][t]), "") for t in range(n)]

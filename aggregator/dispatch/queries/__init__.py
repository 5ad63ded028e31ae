"""Read plans, setpoints, computations and reports; and what sites did before a plan begins."""

from aggregator.dispatch.queries._objective import objective_on
from aggregator.dispatch.queries._pareto import ParetoFacts, pareto_report
from aggregator.dispatch.queries._plans import PlanFacts, current_plan, plan, plan_of, plans
from aggregator.dispatch.queries._runs import OptimisationFacts, optimisation_run, optimisation_run_of, optimisation_runs
from aggregator.dispatch.queries._setpoints import (
    IN_FORCE,
    OPEN,
    AcknowledgementFacts,
    InForce,
    SetpointFacts,
    in_force,
    last_called,
    setpoints_of,
)
from aggregator.dispatch.queries._so_far import DayShare, day_shares, month_peaks_kw
from aggregator.dispatch.queries._stops import StopFacts, active_stop

__all__ = [
    "IN_FORCE",
    "OPEN",
    "AcknowledgementFacts",
    "DayShare",
    "InForce",
    "OptimisationFacts",
    "ParetoFacts",
    "PlanFacts",
    "SetpointFacts",
    "StopFacts",
    "active_stop",
    "current_plan",
    "day_shares",
    "in_force",
    "last_called",
    "month_peaks_kw",
    "objective_on",
    "optimisation_run",
    "optimisation_run_of",
    "optimisation_runs",
    "pareto_report",
    "plan",
    "plan_of",
    "plans",
    "setpoints_of",
]

"""Plans and setpoints, computations behind them, stops, reports, and fleets in shards."""

from aggregator.dispatch.models._fleet import FLEET_RUN, FLEET_SHARD, FleetRun, FleetShard
from aggregator.dispatch.models._plans import (
    DELIVERY,
    OUTCOMES,
    PURPOSES,
    SETPOINT,
    SETPOINT_KINDS,
    Acknowledgement,
    DispatchPlan,
    Setpoint,
    SetpointDelivery,
)
from aggregator.dispatch.models._reports import DeclaredObjective, ParetoReport
from aggregator.dispatch.models._runs import RUN_MODES, RUN_PURPOSES, OptimisationRun
from aggregator.dispatch.models._stops import GlobalStop

__all__ = [
    "DELIVERY",
    "FLEET_RUN",
    "FLEET_SHARD",
    "OUTCOMES",
    "PURPOSES",
    "RUN_MODES",
    "RUN_PURPOSES",
    "SETPOINT",
    "SETPOINT_KINDS",
    "Acknowledgement",
    "DeclaredObjective",
    "DispatchPlan",
    "FleetRun",
    "FleetShard",
    "GlobalStop",
    "OptimisationRun",
    "ParetoReport",
    "Setpoint",
    "SetpointDelivery",
]

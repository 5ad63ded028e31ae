from django.contrib import admin

from aggregator.dispatch.models import (
    Acknowledgement,
    DeclaredObjective,
    DispatchPlan,
    FleetRun,
    FleetShard,
    GlobalStop,
    OptimisationRun,
    ParetoReport,
    Setpoint,
    SetpointDelivery,
)
from aggregator.support.records import ReadOnlyAdmin

SHOWN = [
    Acknowledgement,
    DeclaredObjective,
    DispatchPlan,
    FleetRun,
    FleetShard,
    GlobalStop,
    OptimisationRun,
    ParetoReport,
    Setpoint,
    SetpointDelivery,
]
admin.site.register(SHOWN, ReadOnlyAdmin)

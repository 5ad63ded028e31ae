from django.contrib import admin

from aggregator.dispatch.models import Acknowledgement, DispatchPlan, GlobalStop, Setpoint, SetpointDelivery
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([Acknowledgement, DispatchPlan, GlobalStop, Setpoint, SetpointDelivery], ReadOnlyAdmin)

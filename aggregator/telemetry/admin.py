from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from aggregator.telemetry.models import ChargingSession, TelemetryDay

admin.site.register([ChargingSession, TelemetryDay], ReadOnlyAdmin)

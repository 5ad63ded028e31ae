from django.contrib import admin

from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([MeteringPoint, MeterReading], ReadOnlyAdmin)

from django.contrib import admin

from aggregator.support.models import Alarm, AuditEvent, Job
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([Alarm, AuditEvent, Job], ReadOnlyAdmin)

from django.contrib import admin

from aggregator.gateways.models import Channel, Gateway
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([Channel, Gateway], ReadOnlyAdmin)

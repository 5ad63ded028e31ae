from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.platforms.models import DeliveryAttempt, InboundMessage, OutboundMessage, Platform

admin.site.register([DeliveryAttempt, InboundMessage, OutboundMessage, Platform], ReadOnlyAdmin)

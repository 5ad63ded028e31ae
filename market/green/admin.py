from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.green.models import GreenMatch, GreenMatchRun

admin.site.register([GreenMatch, GreenMatchRun], ReadOnlyAdmin)

from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.rules.models import RulePack

admin.site.register([RulePack], ReadOnlyAdmin)

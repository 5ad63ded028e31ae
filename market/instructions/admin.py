from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.instructions.models import DispatchInstruction

admin.site.register([DispatchInstruction], ReadOnlyAdmin)

from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.prices.models import PriceCurve

admin.site.register([PriceCurve], ReadOnlyAdmin)

from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.bids.models import Award, Bid, Invitation

admin.site.register([Award, Bid, Invitation], ReadOnlyAdmin)

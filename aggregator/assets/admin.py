from django.contrib import admin

from aggregator.assets.models import Asset, Commitment, Portfolio, PortfolioMember
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([Asset, Commitment, Portfolio, PortfolioMember], ReadOnlyAdmin)

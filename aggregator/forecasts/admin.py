from django.contrib import admin

from aggregator.forecasts.models import ForecastRun, ForecastScore, ForecastState
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([ForecastRun, ForecastScore, ForecastState], ReadOnlyAdmin)

"""/api/v1/: each topic's own edges, collected."""

from django.urls import path

from aggregator.dispatch.api import post_acknowledgements
from aggregator.metering.api import post_readings
from aggregator.telemetry.api import post_telemetry
from market.settlement.api import AwardTrace, StatementDetail, StatementList

urlpatterns = [
    path("telemetry", post_telemetry, name="telemetry"),
    path("acknowledgements", post_acknowledgements, name="acknowledgements"),
    path("readings:batch", post_readings, name="readings"),
    path("awards/<uuid:public_id>/trace", AwardTrace.as_view(), name="award-trace"),
    path("statements", StatementList.as_view(), name="statements"),
    path("statements/<uuid:public_id>", StatementDetail.as_view(), name="statement"),
]

"""The gateway's address alone."""

from django.urls import path

from aggregator.metering.api import post_readings
from aggregator.telemetry.api import post_telemetry

urlpatterns = [path("api/v1/telemetry", post_telemetry), path("api/v1/readings:batch", post_readings)]

"""Where Django looks for this app's records."""

from aggregator.assets import admin as assets
from aggregator.dispatch import admin as dispatch
from aggregator.enterprises import admin as enterprises
from aggregator.forecasts import admin as forecasts
from aggregator.gateways import admin as gateways
from aggregator.metering import admin as metering
from aggregator.support import admin as support
from aggregator.telemetry import admin as telemetry

__all__ = ["assets", "dispatch", "enterprises", "forecasts", "gateways", "metering", "support", "telemetry"]

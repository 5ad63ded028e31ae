"""Where Django looks for this app's models; each topic owns its own."""

from aggregator.assets.models import *  # noqa: F403
from aggregator.dispatch.models import *  # noqa: F403
from aggregator.enterprises.models import *  # noqa: F403
from aggregator.forecasts.models import *  # noqa: F403
from aggregator.gateways.models import *  # noqa: F403
from aggregator.metering.models import *  # noqa: F403
from aggregator.support.models import *  # noqa: F403
from aggregator.telemetry.models import *  # noqa: F403

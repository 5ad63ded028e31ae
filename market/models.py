"""Where Django looks for this app's models; each topic owns its own."""

from market.bids.models import *  # noqa: F403
from market.green.models import *  # noqa: F403
from market.instructions.models import *  # noqa: F403
from market.platforms.models import *  # noqa: F403
from market.prices.models import *  # noqa: F403
from market.rules.models import *  # noqa: F403
from market.settlement.models import *  # noqa: F403

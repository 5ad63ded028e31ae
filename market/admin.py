"""Where Django looks for this app's records."""

from market.bids import admin as bids
from market.green import admin as green
from market.instructions import admin as instructions
from market.platforms import admin as platforms
from market.prices import admin as prices
from market.rules import admin as rules
from market.settlement import admin as settlement

__all__ = ["bids", "green", "instructions", "platforms", "prices", "rules", "settlement"]

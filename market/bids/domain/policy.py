"""The operator's own choices in bidding. Rules of the province are in the pack, not here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BidPolicy:
    """How careful, how dear, how long.

    confidence : chance with which the demand-response quantity holds against the weather.
    markup_ratio : what is asked on top of the cost of demand response.
    scenarios : price days the offer is computed from, the expected one included.
    history_days : how far back like days are looked for [days].
    deadline_s : wall time for all solves of one offer [s]; two offers fit into the lease of their job.
    """

    confidence: float = 0.9
    markup_ratio: float = 0.10
    scenarios: int = 5
    history_days: int = 35
    deadline_s: float = 240.0


POLICY = BidPolicy()

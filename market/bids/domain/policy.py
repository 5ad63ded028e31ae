"""The operator's own choices in bidding. Rules of the province are in the pack, not here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BidPolicy:
    """How careful, how dear, how long. Lots, steps and price limits are the pack's, see OfferForm.

    confidence : chance with which the demand-response quantity holds against the weather.
    markup_ratio : what is asked on top of the cost of demand response.
    scenarios : price days that the curves are computed from, where so many like days are known.
    expected_days : of these, the nearest, whose mean is the expected price.
    history_days : how far back like days are looked for [days].
    risk_weight : of the CVaR against the mean cost; risk_confidence : the CVaR is the mean of the dearest 1 - risk_confidence.
    parks, points : virtual parks that the sites are summed into, price points of a curve; at most.
    deviation_cny_per_mwh : what a deviation costs beyond the energy where no real-time price is known.
    least_deviation_cny_per_mwh : a deviation never costs less than this.
    deadline_s : wall time for all solves of one offer [s]; two offers fit into the lease of their job.
    """

    confidence: float = 0.9
    markup_ratio: float = 0.10
    scenarios: int = 24
    expected_days: int = 4
    history_days: int = 91
    risk_weight: float = 0.2
    risk_confidence: float = 0.9
    parks: int = 4
    points: int = 8
    deviation_cny_per_mwh: float = 50.0
    least_deviation_cny_per_mwh: float = 1.0
    deadline_s: float = 240.0


POLICY = BidPolicy()

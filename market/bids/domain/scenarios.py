"""Joint scenarios of a delivery day: prices of past days, each with a course of generation and load."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from market.bids.domain.availability import Observed, Spread, availability_scenarios
from market.bids.domain.prices import DeviationCost, PriceScenarios


@dataclass(frozen=True)
class JointScenarios:
    """S scenarios of equal probability, nearest price day first; arrays (S, n_periods).

    generation_kw, load_kw : changes of injection against the forecast's mean. labels : the day or quantile that they come from.
    availability : how, one of availability.KINDS. expected_cny_per_mwh (n_periods,) : the expected price.
    """

    expected_cny_per_mwh: np.ndarray
    prices_cny_per_mwh: np.ndarray
    days: tuple[date, ...]
    labels: tuple[str, ...]
    availability: str
    generation_kw: np.ndarray
    load_kw: np.ndarray
    deviation: DeviationCost

    def __len__(self) -> int:
        return len(self.days)


def joined(
    *,
    prices: PriceScenarios,
    deviation: DeviationCost,
    observed: Mapping[date, Observed],
    generation: Spread,
    load: Spread,
    portfolio: Spread,
    generation_most_kw: float,
) -> JointScenarios:
    """Price days with their courses of generation and load, see availability_scenarios."""
    made = availability_scenarios(
        days=prices.days,
        observed=observed,
        generation=generation,
        load=load,
        portfolio=portfolio,
        generation_most_kw=generation_most_kw,
    )
    rows = np.array(made.price_days)
    return JointScenarios(
        expected_cny_per_mwh=prices.expected_cny_per_mwh,
        prices_cny_per_mwh=prices.curves_cny_per_mwh[rows],
        days=tuple(prices.days[row] for row in rows),
        labels=made.labels,
        availability=made.kind,
        generation_kw=made.generation_kw,
        load_kw=made.load_kw,
        deviation=deviation,
    )

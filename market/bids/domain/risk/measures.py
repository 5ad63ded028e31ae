"""Risk of a cost over equally probable scenarios, by definition."""

import numpy as np


def value_at_risk(cost: np.ndarray, confidence: float) -> float:
    """The least cost that is not exceeded with probability `confidence`; `cost` has shape (S,)."""
    ordered = np.sort(cost)
    place = int(np.ceil(confidence * len(ordered) - 1e-9)) - 1
    return float(ordered[max(place, 0)])


def conditional_value_at_risk(cost: np.ndarray, confidence: float) -> float:
    """Mean of the dearest 1 - confidence of the probability; the scenario on the border counts in part.

    Rockafellar & Uryasev 2002, J. Bank. Finance 26(7), equation 26; `cost` has shape (S,).
    """
    edge = value_at_risk(cost, confidence)
    return edge + float(np.maximum(cost - edge, 0).mean()) / (1 - confidence)


def weighed(cost: np.ndarray, *, confidence: float, risk_weight: float) -> float:
    """(1 - weight) x mean + weight x CVaR: what bid curves minimise."""
    return (1 - risk_weight) * float(cost.mean()) + risk_weight * conditional_value_at_risk(cost, confidence)

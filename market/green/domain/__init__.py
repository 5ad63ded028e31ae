"""Renewable generation matched to load, period by period, in whole watt-hours."""

from market.green.domain.matching import Allocation, ConsumerDay, GeneratorDay, match, proportional

__all__ = ["Allocation", "ConsumerDay", "GeneratorDay", "match", "proportional"]

"""The same day's cost three ways: with the VPP, without it, and with perfect foresight. Pure."""

from vpp.comparison.costs import CostsUnknown, DayCosts, Shed, SiteDay, SiteTerms, Stored, captured_value_ratio, day_costs
from vpp.comparison.perfect import ActualAsset, PerfectDay, perfect_foresight

__all__ = [
    "ActualAsset",
    "CostsUnknown",
    "DayCosts",
    "PerfectDay",
    "Shed",
    "SiteDay",
    "SiteTerms",
    "Stored",
    "captured_value_ratio",
    "day_costs",
    "perfect_foresight",
]

"""Rule packs: a province's figures as validated data, and what they mean per period."""

from market.rules.domain._bands import BandsNotAligned, bands_of
from market.rules.domain._baseline import baseline_method
from market.rules.domain._figures import FigureUnknown, figure
from market.rules.domain._merge import merge_packs
from market.rules.domain._pack import (
    Approval,
    BandRule,
    BaselineRules,
    Component,
    DemandResponse,
    Green,
    Hours,
    Multipliers,
    Pack,
    PackRefused,
    Provenance,
    Spot,
    TariffClass,
    parse_pack,
)
from market.rules.domain._schedule import DayTimes, day_times
from market.rules.domain._tariff import TariffDecimals, TariffPrices, UnknownTariffClass, tariff_decimals, tariff_prices

__all__ = [
    "Approval",
    "BandRule",
    "BandsNotAligned",
    "BaselineRules",
    "Component",
    "DayTimes",
    "DemandResponse",
    "FigureUnknown",
    "Green",
    "Hours",
    "Multipliers",
    "Pack",
    "PackRefused",
    "Provenance",
    "Spot",
    "TariffClass",
    "TariffDecimals",
    "TariffPrices",
    "UnknownTariffClass",
    "bands_of",
    "baseline_method",
    "day_times",
    "figure",
    "merge_packs",
    "parse_pack",
    "tariff_decimals",
    "tariff_prices",
]

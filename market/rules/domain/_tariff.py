"""The tariff engine: price = sum of components, each floating with the band or not.

Exact in Decimal for settlement; the float arrays for planning are the same figures.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import Grid
from market.rules.domain._bands import bands_of
from market.rules.domain._figures import figure
from market.rules.domain._pack import Component, Pack

ADDERS = ("line_loss", "transmission", "system_operation", "funds")


class UnknownTariffClass(Anticipated):
    code = "rules.unknown_tariff_class"
    text = "The rule pack %(pack)s has no tariff class %(tariff_class)s; it has: %(known)s."
    status = 409


@dataclass(frozen=True)
class TariffDecimals:
    """Per period, exact [CNY/MWh]: energy = purchase component, adder = everything else per kWh imported."""

    band: tuple[str, ...]
    energy_cny_per_mwh: tuple[Decimal, ...]
    adder_cny_per_mwh: tuple[Decimal, ...]
    demand_price_cny_per_kw_month: Decimal


@dataclass(frozen=True)
class TariffPrices:
    """TariffDecimals as float64 arrays of shape (n_periods,) [CNY/MWh]."""

    band: tuple[str, ...]
    energy_cny_per_mwh: np.ndarray
    adder_cny_per_mwh: np.ndarray
    demand_price_cny_per_kw_month: float


def tariff_decimals(*, pack: Pack, tariff_class: str, grid: Grid) -> TariffDecimals:
    """Raises UnknownTariffClass, FigureUnknown, BandsNotAligned."""
    classes = figure(pack=pack, path="tariff.classes")
    if tariff_class not in classes:
        raise UnknownTariffClass(pack=pack.label, tariff_class=tariff_class, known=", ".join(sorted(classes)))
    path = f"tariff.classes.{tariff_class}"
    band = bands_of(pack=pack, grid=grid)
    by_band = {name: _levels(pack, path, name) for name in sorted(set(band))}
    return TariffDecimals(
        band=band,
        energy_cny_per_mwh=tuple(by_band[name][0] for name in band),
        adder_cny_per_mwh=tuple(by_band[name][1] for name in band),
        demand_price_cny_per_kw_month=figure(pack=pack, path=f"{path}.demand_price_cny_per_kw_month"),
    )


def _levels(pack: Pack, path: str, band: str) -> tuple[Decimal, Decimal]:
    return _level(pack, f"{path}.purchase", band), sum((_level(pack, f"{path}.{name}", band) for name in ADDERS), Decimal(0))


def _level(pack: Pack, path: str, band: str) -> Decimal:
    component: Component = figure(pack=pack, path=path)
    level = figure(pack=pack, path=f"{path}.cny_per_mwh")
    return level * figure(pack=pack, path=f"multipliers.{band}") if component.floats else level


def tariff_prices(*, pack: Pack, tariff_class: str, grid: Grid) -> TariffPrices:
    """As tariff_decimals, for planning."""
    exact = tariff_decimals(pack=pack, tariff_class=tariff_class, grid=grid)
    return TariffPrices(
        band=exact.band,
        energy_cny_per_mwh=np.array([float(price) for price in exact.energy_cny_per_mwh]),
        adder_cny_per_mwh=np.array([float(price) for price in exact.adder_cny_per_mwh]),
        demand_price_cny_per_kw_month=float(exact.demand_price_cny_per_kw_month),
    )

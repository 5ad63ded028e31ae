"""Prices of the benchmark parks [CNY/kWh]: spot, time-of-use tariffs, and the market that the portfolio sells to."""

import numpy as np

from aggregator.dispatch.domain.fleet.problem import Market
from vpp.bench.fleet_draws import HOURS, PERIODS

FREE_FROM = 32  # the first eight hours are cleared already
STEPS = 3
STEP_PART = 0.07  # of all that can be moved up: depth of a bid step
MARKET_PART = 0.35  # of the spot price, what a step earns
OVER_PRICE = 0.05

# From hour, to hour, times the flat price; what comes later overlays what came before. Bands as in five provinces, levels made up.
TARIFF_CLASSES = (
    ((7.5, 10.5, 1.5), (16, 21, 1.5), (17, 19, 1.875), (11.5, 12.5, 0.5), (22, 24, 0.5), (0, 5, 0.5)),
    ((14, 22, 1.7), (14, 15, 2.0), (19.5, 21.5, 2.0), (0, 6, 0.4), (11, 13, 0.4)),
    ((16, 23, 1.85), (18, 22, 2.05), (0, 7, 0.4), (11, 14, 0.4)),
    ((1, 6, 0.35), (16, 23, 1.7), (17, 22, 2.0)),
    (),  # one price all day
)


def hours_of_day() -> np.ndarray:
    return (np.arange(PERIODS) + 0.5) * HOURS


def time_of_use() -> np.ndarray:
    """(n,) the simple park's only tariff."""
    hour = hours_of_day()
    peak = ((hour >= 10) & (hour < 12)) | ((hour >= 14) & (hour < 19))
    price = np.where(hour < 8, 0.32, np.where(peak, 1.08, 0.68))
    return np.where((hour >= 19) & (hour < 21), 1.25, price)


def spot(rng: np.random.Generator) -> np.ndarray:
    """(n,) dear in the evening, cheap at noon."""
    hour = hours_of_day()

    def hump(height: float, at: float, width: float) -> np.ndarray:
        return height * np.exp(-(((hour - at) / width) ** 2))

    price = 0.38 + hump(0.18, 19.5, 2.2) + hump(0.10, 9, 1.5) - hump(0.24, 13, 2.2) + rng.normal(0, 0.012, PERIODS)
    return np.maximum(price, 0.02)


def feed_in(spot_price: np.ndarray, buy: np.ndarray) -> np.ndarray:
    """What exporting earns: a little less than spot, always less than importing costs."""
    return np.maximum(np.minimum(spot_price - 0.03, buy - 0.02), 0.01)


def tariffs(rng: np.random.Generator, n_sites: int) -> np.ndarray:
    """(E, n) each site one of the tariff classes, at its own level."""
    hour = hours_of_day()
    ratios = np.ones((len(TARIFF_CLASSES), PERIODS))
    for row, bands in zip(ratios, TARIFF_CLASSES, strict=True):
        for begin, end, ratio in bands:
            row[(hour >= begin) & (hour < end)] = ratio
    return ratios[rng.permutation(n_sites) % len(TARIFF_CLASSES)] * rng.uniform(0.52, 0.72, (n_sites, 1))


def market(rng: np.random.Generator, *, spot_price: np.ndarray, baseline_kw: np.ndarray, movable_kw: float, storage_kw: float) -> Market:
    """3 + 3 steps around the baseline; in the cleared hours the storages' down-regulation is sold already, nothing else can be."""
    share = 0.12 * np.arange(1, STEPS + 1)
    step_kw = np.zeros((PERIODS, STEPS))
    step_kw[FREE_FROM:] = STEP_PART * movable_kw
    sold_kw = np.zeros(PERIODS)
    sold_kw[:FREE_FROM] = -0.30 * storage_kw * np.repeat(rng.uniform(0.5, 1.2, FREE_FROM // 4), 4)
    return Market(
        reference_injection_kw=baseline_kw + sold_kw,
        up_kw=step_kw,
        up_price_cny_per_kwh=MARKET_PART * spot_price[:, None] * (1 - share),
        down_kw=step_kw.copy(),
        down_price_cny_per_kwh=MARKET_PART * spot_price[:, None] * (1 + share),
        over_price_cny_per_kwh=np.full(PERIODS, OVER_PRICE),
        under_price_cny_per_kwh=1.5 * MARKET_PART * spot_price + 0.1,
    )

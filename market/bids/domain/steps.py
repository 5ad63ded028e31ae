"""From (price, quantity) pairs to the market's offer form: a monotone curve on the market's grid of steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class OfferForm:
    """What the market accepts as a quantity-price curve (figures of the rule pack)."""

    price_floor_cny_per_mwh: Decimal
    price_cap_cny_per_mwh: Decimal
    price_step_cny_per_mwh: Decimal
    quantity_step_kw: Decimal
    min_segments: int
    max_segments: int

    def __post_init__(self) -> None:
        if self.price_step_cny_per_mwh <= 0 or self.quantity_step_kw <= 0 or not 1 <= self.min_segments <= self.max_segments:
            raise ValueError("an offer form needs positive steps and 1 <= min_segments <= max_segments")
        room = (self.price_cap_cny_per_mwh - self.price_floor_cny_per_mwh) / self.price_step_cny_per_mwh
        if room < self.max_segments:
            raise ValueError("the price range is too narrow for max_segments different prices")


@dataclass(frozen=True)
class Step:
    """`injection_kw` in total, if the price is at least `price_cny_per_mwh`."""

    price_cny_per_mwh: Decimal
    injection_kw: Decimal


def isotonic(values: np.ndarray) -> np.ndarray:
    """Nearest non-decreasing sequence in least squares, all weights equal (pool adjacent violators).

    `values` has shape (n,); returns shape (n,). Ayer et al. 1955, Ann. Math. Statist. 26(4).
    """
    sums: list[float] = []
    counts: list[int] = []
    for value in values:
        total, count = float(value), 1
        while sums and sums[-1] / counts[-1] >= total / count:
            total, count = total + sums.pop(), count + counts.pop()
        sums.append(total)
        counts.append(count)
    return np.repeat(np.array(sums) / np.array(counts), counts) if sums else np.zeros(0)


def curve(*, prices_cny_per_mwh: np.ndarray, injection_kw: np.ndarray, form: OfferForm) -> tuple[Step, ...]:
    """Steps of one period from what each scenario wanted: (n_scenarios,) prices and injections [kW].

    The first step stands at the floor, so its quantity is offered at any price. The curve changes
    half-way between two neighbouring scenario prices. Non-decreasing, on the market's steps.
    """
    prices, quantities = _by_price(prices_cny_per_mwh, injection_kw)
    turns = [form.price_floor_cny_per_mwh]
    turns += [on_step(Decimal(repr(float(p))), form.price_step_cny_per_mwh) for p in (prices[1:] + prices[:-1]) / 2]
    steps: list[Step] = []
    for price, quantity in zip(turns, isotonic(quantities), strict=True):
        inside = min(max(price, form.price_floor_cny_per_mwh), form.price_cap_cny_per_mwh)
        steps.append(Step(inside, on_step(Decimal(repr(float(quantity))), form.quantity_step_kw)))
    return padded(_limited(_distinct(steps), form.max_segments), form)


def flat(*, injection_kw: float, form: OfferForm) -> tuple[Step, ...]:
    """One quantity at any price."""
    quantity = on_step(Decimal(repr(float(injection_kw))), form.quantity_step_kw)
    return padded([Step(form.price_floor_cny_per_mwh, quantity)], form)


def padded(steps: Sequence[Step], form: OfferForm) -> tuple[Step, ...]:
    """Fill up to the market's least number of segments by repeating the last quantity one tick higher."""
    out = list(steps)
    while len(out) < form.min_segments:
        price = out[-1].price_cny_per_mwh + form.price_step_cny_per_mwh
        if price > form.price_cap_cny_per_mwh:
            return _padded_below(out, form)
        out.append(Step(price, out[-1].injection_kw))
    return tuple(out)


def _padded_below(steps: list[Step], form: OfferForm) -> tuple[Step, ...]:
    """The same where the last step stands at the cap: repeat each step's quantity where there is room above it."""
    out = list(steps)
    for k in range(len(out) - 2, -1, -1):
        price = out[k].price_cny_per_mwh + form.price_step_cny_per_mwh
        while len(out) < form.min_segments and price < out[k + 1].price_cny_per_mwh:
            out.append(Step(price, steps[k].injection_kw))
            price += form.price_step_cny_per_mwh
    return tuple(sorted(out, key=lambda step: step.price_cny_per_mwh))


def on_step(value: Decimal, step: Decimal) -> Decimal:
    """Nearest multiple of `step`, half to even."""
    return (value / step).to_integral_value(ROUND_HALF_EVEN) * step


def below(value: float, step: Decimal) -> Decimal:
    """Largest multiple of `step` that is no more than `value`: what is promised is never rounded up."""
    return (Decimal(repr(float(value))) / step).to_integral_value(ROUND_FLOOR) * step


def above(value: float, step: Decimal) -> Decimal:
    """Smallest multiple of `step` that is no less than `value`: a price never falls under the cost."""
    return (Decimal(repr(float(value))) / step).to_integral_value(ROUND_CEILING) * step


def form_problem(steps: Sequence[Step], form: OfferForm) -> str:
    """What of the form an offer breaks, as a code; "" where it keeps all of it."""
    prices, quantities = [step.price_cny_per_mwh for step in steps], [step.injection_kw for step in steps]
    rules = {
        "segments": form.min_segments <= len(steps) <= form.max_segments,
        "price_limits": all(form.price_floor_cny_per_mwh <= price <= form.price_cap_cny_per_mwh for price in prices),
        "price_steps": all(price % form.price_step_cny_per_mwh == 0 for price in prices),
        "quantity_steps": all(kw % form.quantity_step_kw == 0 for kw in quantities),
        "prices_rise": all(lower < upper for lower, upper in pairwise(prices)),
        "quantities_fall": all(lower <= upper for lower, upper in pairwise(quantities)),
    }
    return next((name for name, kept in rules.items() if not kept), "")


def cleared_kw(steps: Sequence[Step], price_cny_per_mwh: Decimal) -> Decimal | None:
    """Injection that a market price accepts; None below the first step."""
    accepted = [step.injection_kw for step in steps if step.price_cny_per_mwh <= price_cny_per_mwh]
    return accepted[-1] if accepted else None


def _by_price(prices: np.ndarray, quantities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted by price; scenarios with the same price count as one, with their mean quantity."""
    unique, place = np.unique(np.asarray(prices, dtype=float), return_inverse=True)
    total = np.bincount(place, weights=np.asarray(quantities, dtype=float))
    return unique, total / np.bincount(place)


def _distinct(steps: list[Step]) -> list[Step]:
    """Rounding can make neighbours equal: keep the first of equal quantities, the most of equal prices."""
    out: list[Step] = []
    highest = steps[0].injection_kw
    for step in steps:
        highest = max(highest, step.injection_kw)  # rounding must not undo the order
        if out and out[-1].price_cny_per_mwh == step.price_cny_per_mwh:
            out[-1] = Step(step.price_cny_per_mwh, highest)
        elif not out or out[-1].injection_kw != highest:
            out.append(Step(step.price_cny_per_mwh, highest))
    return out


def _limited(steps: list[Step], most: int) -> list[Step]:
    """At most `most` steps: drop the step that adds the least quantity, again and again."""
    out = list(steps)
    while len(out) > most:
        gains = [out[k].injection_kw - out[k - 1].injection_kw for k in range(1, len(out))]
        del out[1 + gains.index(min(gains))]
    return out

"""What an instruction became: who gives how much, at which price, how evenly; for people and for the record."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aggregator.dispatch.domain.instruction.columns import Window
from aggregator.dispatch.domain.split.fairness import Rule
from aggregator.dispatch.domain.split.window_split import WindowSplit

POSSIBLE_KWH = 1e-6


@dataclass(frozen=True)
class PeriodShare:
    """One period of the problem's grid that is asked for [kW]. need: in the instruction's direction, from the reference.

    Where the reference is beyond the instruction, need is negative: nobody is moved, and the overshoot is its size.
    price: of the last kWh [CNY/kWh]; None where nobody moves, or the rule does not go by cost.
    """

    period: int
    target_kw: float
    reference_kw: float
    need_kw: float
    given_kw: float
    shortfall_kw: float
    overshoot_kw: float
    price_cny_per_kwh: float | None


@dataclass(frozen=True)
class Share:
    """Of an asset or an enterprise: energy given, its part of the whole, and of what it could have given alone (None = nothing)."""

    given_kwh: float
    share_ratio: float
    possible_kwh: float
    used_ratio: float | None


@dataclass(frozen=True)
class InstructionSplit:
    """How the instruction was split; every number can go into JSON.

    method: window | curves | periods; status: optimal | at_gap | timeout | fast | fallback, see `WindowSplit`.
    jain_*: evenness of used_ratio, 1 = all the same. cost_cny: wear, lost production and energy taken from stores, before what
    the energy earns; fast_cost_cny: of the fast path; cross_check_ratio: the difference (None = the fast path serves another
    amount, or costs nothing).
    """

    rule: str
    direction: int
    method: str
    status: str
    periods: tuple[PeriodShare, ...]
    enterprises: dict[str, Share]
    assets: dict[str, Share]
    jain_enterprise: float | None
    jain_asset: float | None
    cost_cny: float | None
    fast_cost_cny: float | None
    cross_check_ratio: float | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def enterprise_of(site_key: str) -> str:
    """Sites are named enterprise/site."""
    return str(site_key).split("/", 1)[0]


def split_of(
    window: Window, split: WindowSplit, *, rule: Rule, sites: dict[str, str], target_kw: np.ndarray, seconds: float
) -> InstructionSplit:
    """sites: of every asset key. target_kw (n,) of the whole grid."""
    columns = window.columns
    sign, given = columns.direction, split.change_kw.sum(axis=0)
    periods = []
    for k, t in enumerate(range(window.first, window.end)):
        if np.isnan(target_kw[t]):
            continue
        need = sign * float(target_kw[t] - window.reference_kw[k])
        price = float(split.price_cny_per_kwh[k])
        rest = need - float(given[k])
        periods.append(
            PeriodShare(
                period=t,
                target_kw=float(target_kw[t]),
                reference_kw=float(window.reference_kw[k]),
                need_kw=need,
                given_kw=float(given[k]),
                shortfall_kw=max(0.0, rest),
                overshoot_kw=max(0.0, -rest),
                price_cny_per_kwh=price if np.isfinite(price) else None,
            )
        )
    kwh = columns.hours * split.change_kw.sum(axis=1)
    owner = {name: k for k, name in enumerate(dict.fromkeys(enterprise_of(sites[key]) for key in window.keys))}
    of_owner = np.array([owner[enterprise_of(sites[key])] for key in window.keys], dtype=np.int64)
    owned, could = (np.bincount(of_owner, column, len(owner)) for column in (kwh, split.possible_kwh))
    total = float(kwh.sum())
    return InstructionSplit(
        rule=rule.name,
        direction=int(sign),
        method=split.method,
        status=split.status,
        periods=tuple(periods),
        enterprises=_shares(list(owner), owned, could, total),
        assets=_shares(window.keys, kwh, split.possible_kwh, total),
        jain_enterprise=_jain(owned, could),
        jain_asset=_jain(kwh, split.possible_kwh),
        cost_cny=split.cost_cny,
        fast_cost_cny=split.fast_cost_cny,
        cross_check_ratio=split.cross_check_ratio,
        seconds=seconds,
    )


def _shares(keys: list[str], moved_kwh: np.ndarray, possible_kwh: np.ndarray, total_kwh: float) -> dict[str, Share]:
    shares = {}
    part = moved_kwh / total_kwh if total_kwh > 0 else np.zeros(len(moved_kwh))
    rows = zip(keys, moved_kwh.tolist(), part.tolist(), possible_kwh.tolist(), strict=True)
    for key, moved, share, possible in rows:
        shares[key] = Share(moved, share, possible, moved / possible if possible > POSSIBLE_KWH else None)
    return shares


def _jain(moved_kwh: np.ndarray, possible_kwh: np.ndarray) -> float | None:
    """Of those that could give something; None where nobody could."""
    could = possible_kwh > POSSIBLE_KWH
    used = moved_kwh[could] / possible_kwh[could]
    if not len(used):
        return None
    squares = float((used**2).sum())
    return float(used.sum()) ** 2 / (len(used) * squares) if squares > 0 else 1.0

"""How an instruction was, or would be, split: who gives how much, at which price, how evenly; one rule beside another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregator.assets.models import Asset
from aggregator.enterprises.models import Enterprise
from aggregator.kernel.periods import Grid

NOTHING_KW = 0.05


@dataclass(frozen=True)
class EnterpriseShare:
    """`used_ratio`: given of what it could have given alone; None where it could give nothing."""

    enterprise: Enterprise | None
    code: str
    given_kwh: float
    share_ratio: float
    possible_kwh: float
    used_ratio: float | None


@dataclass(frozen=True)
class AssetShare:
    asset: Asset | None
    key: str
    given_kwh: float
    share_ratio: float
    used_ratio: float | None


@dataclass(frozen=True)
class SplitPicture:
    """`cost_cny`: wear, lost production and energy from stores; `dearest`: highest price of a last kWh [CNY/kWh], None without prices."""

    split: Mapping[str, Any]
    periods: list[dict[str, Any]]
    enterprises: list[EnterpriseShare]
    assets: list[AssetShare]
    given_kwh: float
    shortfall_kwh: float
    overshoot_kwh: float
    dearest: float | None

    @property
    def nothing_asked(self) -> bool:
        """What was planned before is as far as the instruction goes, or further, in every period."""
        return all(row["need_kw"] <= NOTHING_KW for row in self.periods)


def split_picture(split: Mapping[str, Any], *, grid: Grid, park_id: int) -> SplitPicture:
    """`split`: an InstructionSplit as JSON, its periods counted on `grid`. Those that give most stand first."""
    owners = {row.code: row for row in Enterprise.objects.filter(park_id=park_id, code__in=split["enterprises"])}
    enterprises = [
        EnterpriseShare(owners.get(code), code, row["given_kwh"], row["share_ratio"], row["possible_kwh"], row["used_ratio"])
        for code, row in split["enterprises"].items()
    ]
    periods = [{**row, "at": _at(grid, row["period"])} for row in split["periods"]]
    prices = [row["price_cny_per_kwh"] for row in periods if row["price_cny_per_kwh"] is not None]
    return SplitPicture(
        split=split,
        periods=periods,
        enterprises=sorted(enterprises, key=lambda row: (-row.given_kwh, row.code)),
        assets=_assets(split, park_id),
        given_kwh=grid.hours * sum(row["given_kw"] for row in periods),
        shortfall_kwh=grid.hours * sum(row["shortfall_kw"] for row in periods),
        overshoot_kwh=grid.hours * sum(row["overshoot_kw"] for row in periods),
        dearest=max(prices, default=None),
    )


def _at(grid: Grid, period: int) -> datetime:
    return grid.starts_at + period * grid.resolution


def _assets(split: Mapping[str, Any], park_id: int) -> list[AssetShare]:
    """Those that move, the largest first."""
    moving = {key: row for key, row in split["assets"].items() if row["given_kwh"] > 0}
    codes = {key.rsplit("/", 1)[-1] for key in moving}
    rows = Asset.objects.filter(site__enterprise__park_id=park_id, code__in=codes).select_related("site__enterprise")
    assets = {f"{row.site.enterprise.code}/{row.site.code}/{row.code}": row for row in rows}
    found = [AssetShare(assets.get(key), key, row["given_kwh"], row["share_ratio"], row["used_ratio"]) for key, row in moving.items()]
    return sorted(found, key=lambda row: (-row.given_kwh, row.key))


@dataclass(frozen=True)
class Across:
    """One enterprise under every rule, in the order of the pictures; None where a rule does not know it."""

    enterprise: Enterprise | None
    code: str
    shares: list[EnterpriseShare | None]


def side_by_side(pictures: Sequence[SplitPicture]) -> list[Across]:
    """By code of the enterprise, so that no rule sets the order."""
    columns = [{row.code: row for row in picture.enterprises} for picture in pictures]
    codes = sorted(set().union(*columns)) if columns else []
    found = []
    for code in codes:
        shares = [column.get(code) for column in columns]
        found.append(Across(next((row.enterprise for row in shares if row is not None), None), code, shares))
    return found

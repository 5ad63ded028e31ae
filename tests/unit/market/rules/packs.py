"""The packs of fixtures/rule_packs, as the park import lays them over one another."""

from pathlib import Path

import yaml

from market.rules.domain import Pack, merge_packs, parse_pack

FOLDER = Path(__file__).resolve().parents[4] / "fixtures" / "rule_packs"


def data(name: str) -> dict:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def liaoning() -> Pack:
    return parse_pack(data("liaoning"))


def demo() -> Pack:
    return parse_pack(merge_packs(base=data("liaoning"), overlay=data("demo_liaoning_overlay")))

"""Lay one pack over another: figures replace figures, lists replace lists."""

from collections.abc import Mapping
from typing import Any

from market.rules.domain._pack import SECTIONS, PackRefused


def merge_packs(*, base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """The data of `overlay`, with what it leaves out taken from `base`.

    A section that the overlay touches takes the overlay's provenance, so an invented figure can never
    carry the label of a published one. Raises PackRefused where the overlay gives a section none.
    """
    merged = {**base, **overlay}
    for name in SECTIONS:
        if base.get(name) is None or overlay.get(name) is None:
            continue
        if "provenance" not in overlay[name]:
            raise PackRefused(why=f"{name}: an overlay has to say the provenance of what it changes")
        merged[name] = {**_over(base[name], overlay[name]), "provenance": overlay[name]["provenance"]}
    return merged


def _over(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _over(out[key], value) if both else value
    return out

"""Ask for one figure by its path; an unknown one is refused by name, never taken as zero."""

from typing import Any

from aggregator.kernel.errors import Anticipated
from market.rules.domain._pack import Pack


class FigureUnknown(Anticipated):
    code = "rules.figure_unknown"
    text = "The rule pack %(pack)s has no value for %(path)s: it needs confirmation."
    status = 409


def figure(*, pack: Pack, path: str) -> Any:
    """The value at a dotted path such as `demand_response.price_cap_cny_per_mwh`.

    Raises FigureUnknown where the section or the figure is not known.
    """
    value: Any = pack
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
        if value is None:
            raise FigureUnknown(pack=pack.label, path=path)
    return value

"""Which time-of-use band holds in each period."""

from zoneinfo import ZoneInfo

from aggregator.kernel.calendar import day_type
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import SHANGHAI, Grid
from market.rules.domain._figures import FigureUnknown
from market.rules.domain._pack import BandRule, Bands, Pack, minutes_of


class BandsNotAligned(Anticipated):
    code = "rules.bands_not_aligned"
    text = "A band of %(pack)s changes at %(clock)s, inside a period of %(minutes)s minutes."
    status = 409


def _check_alignment(pack: Pack, bands: Bands, minutes: float) -> None:
    for rule in bands.rules:
        for clock in (clock for pair in rule.ranges for clock in pair):
            if minutes_of(clock) % minutes:
                raise BandsNotAligned(pack=pack.label, clock=clock, minutes=minutes)


def _holds(rule: BandRule, minute: int) -> bool:
    for start, end in ((minutes_of(a), minutes_of(b)) for a, b in rule.ranges):
        if start < end and start <= minute < end:
            return True
        if start >= end and (minute >= start or minute < end):
            return True
    return False


def bands_of(*, pack: Pack, grid: Grid, tz: ZoneInfo = SHANGHAI) -> tuple[str, ...]:
    """Band per period, by the local clock. The last rule that applies decides.

    Raises FigureUnknown (no bands in the pack), BandsNotAligned.
    """
    if pack.bands is None:
        raise FigureUnknown(pack=pack.label, path="bands")
    _check_alignment(pack, pack.bands, grid.resolution.total_seconds() / 60)
    out = []
    for start in grid.starts:
        local = start.astimezone(tz)
        kind, minute = day_type(local.date()), local.hour * 60 + local.minute
        band = pack.bands.default
        for rule in pack.bands.rules:
            if local.month in rule.months and kind in rule.day_types and _holds(rule, minute):
                band = rule.band
        out.append(band)
    return tuple(out)

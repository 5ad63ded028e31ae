"""Times of a table as UTC. A time without zone is never guessed; clock changes are read or refused."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
from django.utils.translation import gettext as _

from vpp.park_folder.problems import Findings
from vpp.park_folder.tables import file_line

OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"


def read_times(
    column: pd.Series, *, zone: str | None, shift: timedelta, path: Path, findings: Findings, optional: bool = False
) -> pd.Series | None:
    """Aware UTC times with the index of `column`, moved by `shift`.

    `optional`: an empty cell stays missing instead of being a problem. None, with problems, where any
    time cannot be read.
    """
    local = column if pd.api.types.is_datetime64_any_dtype(column) else _from_text(column, path, findings, optional)
    if local is None:
        return None
    if local.isna().any() and not optional:
        _at(findings, "time.missing", path, local, local.isna(), _("%(count)s rows have no time"))
        return None
    if local.dt.tz is None:
        local = _localized(local, zone, path, findings)
    return None if local is None else local.dt.tz_convert("UTC") + pd.Timedelta(shift)


def _at(findings: Findings, code: str, path: Path, rows: pd.Series, bad: pd.Series, text: str) -> None:
    first = rows.index[bad.to_numpy()][0]
    findings.problem(code, path, file_line(path, int(first)), text % {"count": int(bad.sum()), "value": rows.loc[first]})


def _from_text(column: pd.Series, path: Path, findings: Findings, optional: bool) -> pd.Series | None:
    text = column.astype(str).str.strip()
    empty = text.isin(("", "None", "NaT", "nan"))
    aware = text.str.contains(OFFSET, regex=True)
    told = text[~empty]
    if aware[~empty].any() and not aware[~empty].all():
        _at(findings, "time.mixed", path, told, ~aware[~empty], _("%(count)s times lack the zone that the others have, first %(value)s"))
        return None
    parsed = pd.to_datetime(text.where(~empty), errors="coerce", format="ISO8601", utc=bool(aware.any()))
    bad = parsed.isna() & ~empty
    if bad.any():
        _at(findings, "time.unreadable", path, text, bad, _("%(count)s times are not ISO 8601, first %(value)s"))
        return None
    return parsed


def _localized(local: pd.Series, zone: str | None, path: Path, findings: Findings) -> pd.Series | None:
    if zone is None:
        text = _("the times carry no zone, first %(value)s; declare `zone`")
        _at(findings, "time.naive", path, local, local.notna(), text)
        return None
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        findings.problem("time.unknown_zone", path, None, _("there is no time zone %(zone)s") % {"zone": zone})
        return None
    impossible = local.notna() & local.dt.tz_localize(tz, nonexistent="NaT", ambiguous=False).isna()
    if impossible.any():
        _at(findings, "time.nonexistent", path, local, impossible, _("%(count)s times do not exist in this zone, first %(value)s"))
        return None
    twice = local.notna() & local.dt.tz_localize(tz, ambiguous="NaT").isna()
    if not twice.any():
        return local.dt.tz_localize(tz)
    try:
        # The repeated hour of a 25-hour day is clear where both passes are there, in order.
        return local.dt.tz_localize(tz, ambiguous="infer")
    except ValueError:
        text = _("%(count)s times fall into the hour that a 25-hour day has twice, first %(value)s; give both passes in order, or UTC")
        _at(findings, "time.ambiguous", path, local, twice, text)
        return None

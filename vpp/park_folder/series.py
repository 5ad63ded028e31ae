"""One column of a table as an array on the park's grid. What is not there is NaN, counted and reported."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from django.utils.translation import gettext as _

from aggregator.kernel.periods import SHANGHAI, Grid
from vpp.park_folder.problems import Findings
from vpp.park_folder.schema import SeriesSource
from vpp.park_folder.tables import Tables, file_line
from vpp.park_folder.times import read_times


@dataclass(frozen=True)
class _Column:
    path: Path
    rows: np.ndarray  # file rows, from 1
    epoch_s: np.ndarray  # start of each value's period, seconds since 1970 UTC
    values: np.ndarray


@dataclass(frozen=True)
class OnGrid:
    """A column on a grid. `values` and `rows` have shape (n_periods,); a row is the file's first for that period, 0 = none."""

    path: Path
    values: np.ndarray
    rows: np.ndarray

    def line(self, where: np.ndarray) -> int | None:
        """Line of the first period in the mask `where`; of the last row before it where the file has none for it."""
        period = int(np.flatnonzero(where)[0])
        known = np.flatnonzero(self.rows[: period + 1])
        if not known.size:
            known = np.flatnonzero(self.rows)[:1]
        return file_line(self.path, int(self.rows[known[-1]])) if known.size else None


def local_time(grid: Grid, period: int) -> str:
    """Start of a period as people read it."""
    return (grid.starts_at + period * grid.resolution).astimezone(SHANGHAI).isoformat(timespec="minutes")


class SeriesReader:
    """Columns of the declared series, as float64 arrays of a grid."""

    def __init__(self, *, tables: Tables, findings: Findings) -> None:
        self._tables, self._findings = tables, findings
        self._starts_of: dict[int, np.ndarray | None] = {}

    def on_grid(self, source: SeriesSource, column: str, *, grid: Grid, name: str) -> OnGrid | None:
        """Values in the file's own unit, NaN = missing; None, with problems, if unreadable.

        `name` is what the report of gaps calls it.
        """
        found = self._column(source, column)
        if found is None:
            return None
        placed = self._placed(found, source, grid)
        if placed is None:
            return None
        missing = np.isnan(placed.values)
        if missing.all():
            text = _("%(name)s: the column %(column)s has no value between %(first)s and %(last)s")
            fields = {"name": name, "column": column, "first": local_time(grid, 0), "last": local_time(grid, len(grid))}
            self._findings.problem("series.outside", found.path, None, text % fields)
            return None
        if missing.any():
            self._notice_gaps(placed, name, missing, grid)
        return placed

    def _notice_gaps(self, placed: OnGrid, name: str, missing: np.ndarray, grid: Grid) -> None:
        edges = np.flatnonzero(np.diff(missing.astype(int), prepend=0, append=0))
        longest = int((edges[1::2] - edges[::2]).max())
        text = _(
            "%(name)s: %(count)s of %(all)s periods missing in %(gaps)s gaps (longest %(hours).2f h, first %(first)s); they stay missing"
        )
        fields = {
            "name": name,
            "count": int(missing.sum()),
            "all": len(grid),
            "gaps": len(edges) // 2,
            "hours": longest * grid.hours,
            "first": local_time(grid, int(edges[0])),
        }
        self._findings.notice("series.gaps", placed.path, placed.line(missing), text % fields)

    def _frame(self, source: SeriesSource, column: str) -> tuple[Path, pd.DataFrame, np.ndarray] | None:
        """The table with the starts of its rows. The times of one source are read and checked once."""
        read = self._tables.read(source, columns=[source.time, column])
        if read is None:
            return None
        path, frame = read
        if id(source) not in self._starts_of:
            self._starts_of[id(source)] = self._starts(source, frame, path)
        starts = self._starts_of[id(source)]
        return None if starts is None else (path, frame, starts)

    def _starts(self, source: SeriesSource, frame: pd.DataFrame, path: Path) -> np.ndarray | None:
        shift = source.shift - (timedelta(seconds=source.resolution_s) if source.label == "end" else timedelta())
        times = read_times(frame[source.time], zone=source.zone, shift=shift, path=path, findings=self._findings)
        if times is None:
            return None
        epoch_s = times.dt.as_unit("ns").astype("int64").to_numpy() // 1_000_000_000
        twice = pd.Series(epoch_s).duplicated().to_numpy()
        if twice.any():
            row = int(frame.index[twice][0])
            text = _("%(count)s stamps are given more than once, first %(value)s")
            fields = {"count": int(twice.sum()), "value": frame[source.time].loc[row]}
            self._findings.problem("time.duplicate", path, file_line(path, row), text % fields)
            return None
        off = epoch_s % source.resolution_s != 0
        if off.any():
            row = int(frame.index[off][0])
            text = _("%(count)s times are no multiple of %(seconds)s s, first %(value)s")
            fields = {"count": int(off.sum()), "seconds": source.resolution_s, "value": frame[source.time].loc[row]}
            self._findings.problem("time.off_grid", path, file_line(path, row), text % fields)
            return None
        return epoch_s

    def _column(self, source: SeriesSource, column: str) -> _Column | None:
        found = self._frame(source, column)
        if found is None:
            return None
        path, frame, epoch_s = found
        raw = frame[column]
        values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        told = raw.notna().to_numpy() & ~raw.astype(str).str.strip().str.lower().isin(("", "nan", "none", "null")).to_numpy()
        bad = (np.isnan(values) & told) | np.isinf(values)
        if bad.any():
            row = int(frame.index[bad][0])
            text = _("%(column)s: %(count)s values are no finite numbers, first %(value)s")
            self._findings.problem(
                "value.no_number", path, file_line(path, row), text % {"column": column, "count": int(bad.sum()), "value": raw.loc[row]}
            )
            return None
        return _Column(path, frame.index.to_numpy(), epoch_s, values)

    def _placed(self, found: _Column, source: SeriesSource, grid: Grid) -> OnGrid | None:
        step = int(grid.resolution.total_seconds())
        start, end = int(grid.starts_at.timestamp()), int(grid.ends_at.timestamp())
        inside = (found.epoch_s >= start) & (found.epoch_s < end)
        offset, values, rows = found.epoch_s[inside] - start, found.values[inside], found.rows[inside]
        out, lines = np.full(len(grid), np.nan), np.zeros(len(grid), dtype=np.int64)
        # Backwards, so that of several rows for one period the first one stays.
        lines[(offset // step)[::-1]] = rows[::-1]
        if source.resolution_s == step:
            out[offset // step] = values
        elif source.resolution_s < step and step % source.resolution_s == 0:
            per_period = step // source.resolution_s
            filled = np.full(len(grid) * per_period, np.nan)
            filled[offset // source.resolution_s] = values
            out = filled.reshape(-1, per_period).mean(axis=1)  # one missing part makes the period missing
        elif source.coarser == "repeat" and source.resolution_s % step == 0:
            for k in range(source.resolution_s // step):
                place = offset // step + k
                out[place[place < len(grid)]] = values[place < len(grid)]
                lines[place[place < len(grid)]] = rows[place < len(grid)]
        else:
            text = _("values of %(theirs)s s do not fit periods of %(ours)s s; `coarser: repeat` repeats longer ones")
            self._findings.problem("series.resolution", found.path, None, text % {"theirs": source.resolution_s, "ours": step})
            return None
        return OnGrid(found.path, out, lines)

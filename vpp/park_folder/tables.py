"""Read one table of a park folder: CSV (UTF-8, or GBK with a notice) or Parquet, by the columns asked for."""

from collections.abc import Collection
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from django.utils.translation import gettext as _

from vpp.park_folder.problems import Findings
from vpp.park_folder.schema import Source
from vpp.park_folder.yaml_text import guess_encoding


class Tables:
    """The files of one park. Every table keeps its file rows, counted from 1, as index."""

    def __init__(self, *, park_dir: Path, data_root: Path | None, findings: Findings) -> None:
        self._park_dir, self._data_root, self._findings = park_dir, data_root, findings
        self._frames: dict[tuple[Path, tuple[str, ...]], pd.DataFrame | None] = {}
        self._gbk: set[Path] = set()  # said once, however often a file's columns are asked for

    def path_of(self, source: Source) -> Path | None:
        """None, with a problem, where the data root is needed and was not named."""
        if source.root == "park":
            return self._park_dir / source.file
        if self._data_root is None:
            self._findings.problem(
                "data_root.missing", source.file, None, _("this file lies under the data root: name it with --data-root")
            )
            return None
        return self._data_root / source.file

    def read(self, source: Source, *, columns: Collection[str]) -> tuple[Path, pd.DataFrame] | None:
        """Rows of `source` after its `where`, with at least `columns`; None, with problems, where that fails."""
        path = self.path_of(source)
        if path is None:
            return None
        wanted = tuple(sorted({*columns, *source.where}))
        if (path, wanted) not in self._frames:
            self._frames[path, wanted] = self._load(path, wanted)
        frame = self._frames[path, wanted]
        if frame is None:
            return None
        for column, value in source.where.items():
            frame = frame[frame[column].astype(str) == str(value)]
        if frame.empty:
            self._findings.problem("table.no_rows", path, None, _("no row is left after %(where)s") % {"where": source.where or "{}"})
            return None
        return path, frame

    def _load(self, path: Path, columns: tuple[str, ...]) -> pd.DataFrame | None:
        if not path.is_file():
            self._findings.problem("file.missing", path, None, _("the file does not exist"))
            return None
        read = {".csv": self._csv, ".parquet": self._parquet}.get(path.suffix.lower())
        if read is None:
            self._findings.problem("file.unknown_type", path, None, _("only .csv and .parquet are read"))
            return None
        frame = read(path, columns)
        if frame is None:
            return None
        frame.index = pd.RangeIndex(1, len(frame) + 1)
        return frame

    def _lacks(self, path: Path, columns: tuple[str, ...], there: Collection[str]) -> bool:
        missing = sorted(set(columns) - set(there))
        if missing:
            text = _("the table has no column %(missing)s; it has: %(there)s")
            self._findings.problem("column.missing", path, 1, text % {"missing": ", ".join(missing), "there": ", ".join(map(str, there))})
        return bool(missing)

    def _csv(self, path: Path, columns: tuple[str, ...]) -> pd.DataFrame | None:
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as bad:
            line = raw[: bad.start].count(b"\n") + 1
            encoding = guess_encoding(raw)
            if encoding == "unknown":
                self._findings.problem("file.encoding", path, line, _("the text is neither UTF-8 nor GBK"))
                return None
            if path not in self._gbk:
                self._gbk.add(path)
                self._findings.notice("file.gbk", path, line, _("GBK text; it was read as such, UTF-8 is safer"))
            text = raw.decode("gbk")
        try:
            frame = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, skip_blank_lines=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as bad:
            self._findings.problem("table.syntax", path, None, _("this is not a table: %(why)s") % {"why": bad})
            return None
        return None if self._lacks(path, columns, list(frame.columns)) else frame[list(columns)].copy()

    def _parquet(self, path: Path, columns: tuple[str, ...]) -> pd.DataFrame | None:
        try:
            there = pq.read_schema(path).names
            return None if self._lacks(path, columns, there) else pq.read_table(path, columns=list(columns)).to_pandas()
        except (pa.ArrowException, OSError) as bad:
            self._findings.problem("table.syntax", path, None, _("this is not a table: %(why)s") % {"why": bad})
            return None


def file_line(path: Path, row: int) -> int:
    """The line that a person finds: in a CSV the header is line 1; Parquet has rows only."""
    return row + 1 if path.suffix.lower() == ".csv" else row

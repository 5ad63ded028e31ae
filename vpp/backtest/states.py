"""What the engines had learned in a backtest, as files: those of production are not touched, and a broken-off run goes on."""

import hashlib
import json
import os
import tempfile
from datetime import date, datetime
from pathlib import Path

from aggregator.forecasts.operations import STATES_KEPT, Shard, State


class FolderStates:
    """One file per shard and day: a line of JSON, then the arrays. Shards of other members are other shards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self, shard: Shard, *, by: date, built_after: date) -> State | None:
        for path in reversed(self._files(shard)):
            if date.fromisoformat(path.stem) <= by:
                state = _read(path)
                if state.built_day > built_after:
                    return state
        return None

    def keep(self, shard: Shard, state: State) -> State:
        head = {"built_at": state.built_at.isoformat(), "built_day": state.built_day.isoformat(), "asset_ids": state.asset_ids}
        write_whole(self._of(shard) / f"{state.day}.state", json.dumps(head).encode() + b"\n" + state.data)
        for old in self._files(shard)[:-STATES_KEPT]:
            old.unlink()
        return state

    def _files(self, shard: Shard) -> list[Path]:
        return sorted(self._of(shard).glob("????-??-??.state"))

    def _of(self, shard: Shard) -> Path:
        members = hashlib.sha256(json.dumps(shard.ids).encode()).hexdigest()[:12]
        step = int(shard.resolution.total_seconds())
        return self.folder / f"{shard.portfolio.pk}-{shard.kind}-{shard.number}-{step}-{members}"


def write_whole(path: Path, data: bytes) -> None:
    """All of it or nothing, whenever the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(path: Path) -> State:
    head, _, data = path.read_bytes().partition(b"\n")
    facts = json.loads(head)
    return State.of(
        day=date.fromisoformat(path.stem),
        built_at=datetime.fromisoformat(facts["built_at"]),
        built_day=date.fromisoformat(facts["built_day"]),
        asset_ids=facts["asset_ids"],
        data=data,
    )

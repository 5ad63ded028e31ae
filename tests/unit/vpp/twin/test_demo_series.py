"""The series in fixtures/parks/demo are what the generator makes of the park's seed, and say what they are."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from vpp.park_folder.reader import read_descriptor
from vpp.twin.generator.streams import EDITION
from vpp.twin.history import write_history

DEMO = Path(__file__).resolve().parents[4] / "fixtures" / "parks" / "demo"
NAMES = ["history.parquet", "prices.parquet", "sessions.parquet", "weather.parquet"]


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, park = tmp_path_factory.mktemp("park"), read_descriptor(DEMO)
    write_history(park=park, folder=folder, seed=park.twin.seed)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_values_that_are_in_the_repository(again: Path, name: str) -> None:
    kept, made = (pq.read_table(folder / "series" / name) for folder in (DEMO, again))
    assert kept.schema.equals(made.schema)
    if name == "sessions.parquet":
        assert kept.equals(made)
        return
    for column in kept.column_names[1:]:
        # the last digit of sin and exp may differ between machines; the files round far above it
        assert abs(kept[column].to_pandas() - made[column].to_pandas()).max() <= 0.0101, column


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_labelled_synthetic(name: str) -> None:
    label = pq.read_schema(DEMO / "series" / name).metadata
    assert label[b"synthetic"] == b"true"
    assert label[b"seed"].decode() == str(read_descriptor(DEMO).twin.seed)
    assert label[b"generator"].decode().endswith(EDITION)


def test_the_files_are_small_and_cover_eight_weeks_and_the_days_to_replay() -> None:
    assert sum((DEMO / "series" / name).stat().st_size for name in NAMES) < 3_000_000
    park, starts = read_descriptor(DEMO), pq.read_table(DEMO / "series" / "history.parquet")["starts_at"]
    assert len(starts) >= ((park.replay.last - park.history.first).days + 1) * 96
    assert (park.history.last - park.history.first).days + 1 >= 56


def test_the_day_that_is_played_has_negative_prices_and_an_evening_peak() -> None:
    park = read_descriptor(DEMO)
    frame = pq.read_table(DEMO / "series" / "prices.parquet").to_pandas()
    local = frame["starts_at"].dt.tz_convert("Asia/Shanghai")
    day = frame.loc[local.dt.date == park.replay.first, "day_ahead_cny_per_mwh"]
    assert (day < 0).sum() >= 4
    assert day.max() > 500

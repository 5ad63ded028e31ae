"""Sun position against published values, and what clear-sky power must look like."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from aggregator.forecasts.domain._sun import clear_ghi, clear_power_ratio, sun_position


def at(moment: datetime) -> np.ndarray:
    return np.array([moment.timestamp()])


def test_position_of_the_nrel_spa_example() -> None:
    """Reda and Andreas (2004), appendix A.5: zenith 50.11162, azimuth 194.34024 degrees."""
    moment = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))
    sun = sun_position(epoch_s=at(moment), latitude=39.742476, longitude=-105.1786)
    assert np.degrees(sun.zenith[0]) == pytest.approx(50.11162, abs=0.05)
    assert np.degrees(sun.azimuth[0]) == pytest.approx(194.34024, abs=0.05)


def test_the_sun_stands_overhead_at_the_tropic_at_the_solstice() -> None:
    seconds = datetime(2026, 6, 21, tzinfo=UTC).timestamp() + np.arange(0, 86400, 60)
    sun = sun_position(epoch_s=seconds, latitude=23.44, longitude=113.0)
    assert np.degrees(sun.zenith.min()) < 0.2


def test_equinox_noon_height_and_day_length() -> None:
    """At an equinox the noon zenith is the latitude, and day is 12 hours."""
    seconds = datetime(2026, 3, 20, 0, tzinfo=UTC).timestamp() - 4 * 3600 + np.arange(0, 86400, 60)
    sun = sun_position(epoch_s=seconds, latitude=40.0, longitude=120.0)
    assert np.degrees(sun.zenith.min()) == pytest.approx(40.0, abs=0.3)
    assert (clear_ghi(sun) > 0).mean() * 24 == pytest.approx(12.0, abs=0.1)


def test_clear_sky_power() -> None:
    seconds = datetime(2026, 3, 20, tzinfo=UTC).timestamp() - 8 * 3600 + np.arange(0, 86400, 900)
    sun = sun_position(epoch_s=seconds, latitude=40.0, longitude=120.0)
    tilted = clear_power_ratio(sun, tilt_deg=35, azimuth_deg=180)
    flat = clear_power_ratio(sun, tilt_deg=0, azimuth_deg=180)
    east = clear_power_ratio(sun, tilt_deg=35, azimuth_deg=90)
    night = np.degrees(sun.zenith) > 91
    assert (tilted[night] == 0).all()
    assert 0.9 < tilted.max() <= 1.1
    assert tilted.sum() > flat.sum()
    assert np.argmax(east) < np.argmax(tilted)

"""The PVWatts chain against what is known of it: closed beam, no sun, cell temperature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.forecasts.domain._sun import Sun
from aggregator.forecasts.domain.engine.irradiance import chain_power, diffuse_ratio, extraterrestrial, plane_irradiance

SPRING = np.array(80)


def sun(zenith_deg: float) -> Sun:
    return Sun(np.radians(np.array(zenith_deg)), np.array(np.pi), np.array(0.0))


def plane(ghi: float, zenith_deg: float, tilt_deg: float) -> float:
    found = plane_irradiance(
        ghi=np.array(ghi), sun=sun(zenith_deg), day_of_year=SPRING, tilt_deg=np.array(tilt_deg), azimuth_deg=np.array(180.0)
    )
    return float(found)


@settings(deadline=None)
@given(st.floats(0, 1200), st.floats(0, 85))
def test_a_flat_plane_gets_the_global_irradiance(ghi: float, zenith_deg: float) -> None:
    outside = float(extraterrestrial(SPRING)) * np.cos(np.radians(zenith_deg))
    ghi = min(ghi, outside)
    assert plane(ghi, zenith_deg, 0.0) == pytest.approx(ghi, rel=1e-9, abs=1e-9)


def test_a_plane_that_faces_a_clear_low_sun_gets_more_than_a_flat_one() -> None:
    assert plane(400.0, 65.0, 40.0) > 1.3 * plane(400.0, 65.0, 0.0)


def test_under_thick_cloud_a_tilted_plane_gains_nothing() -> None:
    assert plane(60.0, 65.0, 40.0) < 1.05 * 60.0


def test_no_sun_no_power_and_unknown_stays_unknown() -> None:
    assert plane(0.0, 100.0, 30.0) == 0.0
    assert np.isnan(plane(np.nan, 40.0, 30.0))
    assert np.isnan(plane(np.nan, 100.0, 30.0))


@settings(deadline=None)
@given(st.floats(0, 1.2))
def test_the_diffuse_share_is_a_share(clearness: float) -> None:
    assert 0.1 <= float(diffuse_ratio(np.array(clearness))) <= 1.0


def test_a_cell_at_25_degrees_gives_what_the_irradiance_says() -> None:
    cool = chain_power(plane=np.array(1000.0), air_c=np.array(25 - 1000 / 25.0), wind_m_per_s=np.array(0.0))
    warm = chain_power(plane=np.array(1000.0), air_c=np.array(35.0), wind_m_per_s=np.array(0.0))
    assert float(cool) == pytest.approx(1.0)
    assert float(warm) == pytest.approx(1 - 0.004 * (35 + 40 - 25))

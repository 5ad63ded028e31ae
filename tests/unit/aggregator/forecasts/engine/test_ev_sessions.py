"""What is said of a car at plug-in comes from sessions that had ended, and knows the driver."""

import numpy as np
import pandas as pd
import pytest

from aggregator.forecasts.domain.engine.ev_sessions import LEAST_SESSIONS, fitted, past_of
from aggregator.forecasts.domain.engine.ev_users import PSEUDO_SESSIONS, UNKNOWN_USER, Past, design

USUAL, OWN = 10, 11  # columns of the design: the site's mean, the user's


def sessions_of(rng: np.random.Generator, *, days: int = 150, users: int = 12, sites: int = 2) -> pd.DataFrame:
    """Synthetic: each user comes on most evenings and needs about the same, some much more than others."""
    size = np.exp(rng.normal(2.0, 0.8, users))
    day, user = (part.ravel() for part in np.meshgrid(np.arange(days), np.arange(users), indexing="ij"))
    came = rng.random(len(day)) < 0.7
    day, user = day[came], user[came]
    arrives = 24.0 * day + rng.normal(18, 1.5, len(day))
    stay = np.exp(rng.normal(np.log(9), 0.3, len(day)))
    need = size[user] * np.exp(rng.normal(0, 0.3, len(day)))
    table = {"site": user % sites, "user": user, "arrives_at": arrives, "departs_at": arrives + stay, "stay_hours": stay, "need_kwh": need}
    return pd.DataFrame(table).sort_values("arrives_at", ignore_index=True)


def off_of(table: pd.DataFrame) -> np.ndarray:
    return ((table["arrives_at"] // 24).to_numpy() % 7 >= 5).astype(float)


def test_the_design_is_of_sessions_that_had_ended() -> None:
    table = sessions_of(np.random.default_rng(1), days=40)
    now = 30 * 24.0
    late = (table["arrives_at"] > now).to_numpy()
    arrivals = table[late].head(20)
    before = design(arrivals, past_of(table, "need_kwh"), off=off_of(arrivals))
    corrupt = table.copy()
    unended = (corrupt["departs_at"] > arrivals["arrives_at"].max()).to_numpy()
    corrupt.loc[unended, "need_kwh"] = 1e6
    np.testing.assert_allclose(before, design(arrivals, past_of(corrupt, "need_kwh"), off=off_of(arrivals)), rtol=1e-9, atol=1e-9)


def test_means_are_drawn_to_the_site_and_unknown_users_have_it() -> None:
    one = {"site": 0, "stay_hours": 5.0}
    rows = [{"user": 7, "arrives_at": 24.0 * d + 9, "departs_at": 24.0 * d + 14, "need_kwh": 20.0} for d in range(3)]
    rows += [{"user": UNKNOWN_USER, "arrives_at": 24.0 * d + 9, "departs_at": 24.0 * d + 14, "need_kwh": 5.0} for d in range(3)]
    table = pd.DataFrame([one | row for row in rows])
    arrivals = pd.DataFrame({"site": 0, "user": [7, UNKNOWN_USER, 99], "arrives_at": 24.0 * 3 + 9})
    x = design(arrivals, past_of(table, "need_kwh"), off=np.zeros(3))
    assert x[1, OWN] == x[1, USUAL] == x[2, OWN]
    assert x[0, USUAL] < x[0, OWN] < np.log(20)
    share = (x[0, OWN] - x[0, USUAL]) / (np.log(20) - x[0, USUAL])
    assert share == pytest.approx(3 / (3 + PSEUDO_SESSIONS), abs=0.01)


def test_without_any_past_the_design_is_finite() -> None:
    table = sessions_of(np.random.default_rng(2), days=2)
    nothing = Past(table.iloc[:0], np.zeros(0))
    assert np.isfinite(design(table, nothing, off=off_of(table))).all()


def test_the_driver_is_known_and_the_bands_hold() -> None:
    table = sessions_of(np.random.default_rng(3))
    now = 120 * 24.0
    late = (table["arrives_at"] >= now).to_numpy()
    arrivals, actual = table[late], table.loc[late, "need_kwh"].to_numpy()
    model = fitted(table, "need_kwh", now=now, off=off_of(table))
    assert model is not None
    low, middle, high = model.at_plug_in(arrivals, table, off=off_of(arrivals))
    usual = np.median(table.loc[~late, "need_kwh"])
    assert np.abs(middle - actual).mean() < 0.6 * np.abs(usual - actual).mean()
    assert 0.70 < ((actual >= low) & (actual <= high)).mean() < 0.90


def test_too_few_sessions_give_no_model() -> None:
    table = sessions_of(np.random.default_rng(4)).head(LEAST_SESSIONS - 1)
    assert fitted(table, "stay_hours", now=1e6, off=off_of(table)) is None

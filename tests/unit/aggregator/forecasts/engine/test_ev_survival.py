"""What is expected of the cars at a site, from what was known at the origin."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.forecasts.domain.engine.days import Days
from aggregator.forecasts.domain.engine.ev import EvStation, Outlook
from aggregator.forecasts.domain.engine.ev_expected import Expected, coming, staying
from aggregator.forecasts.domain.engine.ev_survival import HERE, Stays, Survival, Tables, groups_of
from aggregator.forecasts.domain.engine.history import History, Steps

DAYS = Days(date(2025, 3, 3), 21, 24)
SITES = 2
HORIZONS = np.array([1, 2, 5, 30])


def expected(tables: Tables, stays: Stays, origins: np.ndarray) -> np.ndarray:
    """(1 + H, N, O)."""
    first = int(origins.min())
    found = staying(tables, stays, days=DAYS, origins=origins, horizons=HORIZONS)
    come = coming(tables, days=DAYS, first=first, count=int(origins.max()) - first + 1, horizons=HORIZONS)
    found[1:] += come[:, :, origins - first]
    return found


def stays_of(rng: np.random.Generator, count: int = 300) -> Stays:
    begins = np.sort(rng.integers(0, DAYS.count * DAYS.slots, count))
    return Stays(rng.integers(0, SITES, count), begins, begins + rng.geometric(0.1, count))


def learned(stays: Stays, days: int, *, by_clock: bool) -> Survival:
    survival = Survival.none(sites=SITES, slots=DAYS.slots, by_clock=by_clock)
    for day in range(days):
        survival = survival.learned(stays, days=DAYS, day=day, known=np.ones(SITES, bool))
    return survival


@pytest.mark.parametrize("by_clock", [False, True])
def test_expected_is_the_sum_over_cars_here_and_to_come(by_clock: bool) -> None:
    """Against the formula written out, car by car and slot by slot."""
    stays = stays_of(np.random.default_rng(1))
    tables = learned(stays, 14, by_clock=by_clock).tables()
    origins = np.array([14 * 24, 14 * 24 + 7, 15 * 24 + 20])
    found = expected(tables, stays, origins)
    groups = groups_of(DAYS)

    def share(site: int, begins: int, come: int, until: int) -> float:
        """Here at the start of slot `until` given here at the start of slot `come`."""
        zero = begins - begins % 24 if by_clock else begins
        at = [tables.share(np.array([site]), groups[[begins]], np.array([slot - zero]))[0] for slot in (until, come)]
        return float(at[0] / at[1])

    for column, t in enumerate(origins):
        for site in range(SITES):
            here = stays.begins[(stays.site == site) & (stays.begins <= t) & (stays.ends > t)]
            assert found[0, site, column] == len(here)
            for row, h in enumerate(HORIZONS, start=1):
                wanted = sum(share(site, begins, t + 1, t + h + 1) for begins in here)
                for u in range(t + 1, t + h + 1):
                    kind = 0 if DAYS.working[u // 24] else 1
                    wanted += tables.rate[site, kind, u % 24] * share(site, u, u, t + h + 1)
                assert found[row, site, column] == pytest.approx(wanted, rel=1e-4)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_the_future_of_a_car_is_not_looked_at(seed: int, by_clock: bool) -> None:
    stays = stays_of(np.random.default_rng(seed), 60)
    tables = learned(stays, 7, by_clock=by_clock).tables()
    origin = np.array([7 * 24 + 5])
    before = expected(tables, stays, origin)
    later = replace(stays, ends=np.where(stays.ends > origin[0], HERE, stays.ends))
    come = stays.begins <= origin[0]
    later = Stays(later.site[come], later.begins[come], later.ends[come])
    np.testing.assert_array_equal(before, expected(tables, later, origin))
    assert (before >= 0).all()


def test_a_stay_that_has_not_ended_teaches_as_well() -> None:
    """Cars that all stay ten hours, many of them at night: learned day by day, the share still here is exact."""
    begins = np.arange(0, 20 * 24, 3)
    stays = Stays(np.zeros_like(begins), begins, begins + 10)
    survival = Survival.none(sites=1, slots=24, by_clock=False)
    for day in range(20):
        survival = survival.learned(stays.among(0, (day + 1) * 24), days=DAYS, day=day, known=np.ones(1, bool))
    assert survival.left[..., :10].sum() == 0
    np.testing.assert_allclose(survival.left[..., 10], survival.risk[..., 10], rtol=1e-5)


def test_sites_that_were_not_seen_learn_nothing() -> None:
    stays = stays_of(np.random.default_rng(2))
    survival = learned(stays, 3, by_clock=False)
    only = Stays(stays.site[stays.site == 0], stays.begins[stays.site == 0], stays.ends[stays.site == 0])
    after = survival.learned(only, days=DAYS, day=3, known=np.array([True, False]))
    np.testing.assert_array_equal(after.came[1], survival.came[1])
    np.testing.assert_array_equal(after.seen[1], survival.seen[1])


def test_curves_are_found_by_date_and_between_horizons() -> None:
    curve = Expected.none(sites=1, days=DAYS, horizons=np.array([1, 3]))
    curve.put(np.array([30]), np.array([4.0, 3.0, 1.0])[:, None, None])
    later = Days(date(2025, 3, 4), 5, 24)
    np.testing.assert_allclose(curve.at(later, np.full(4, 6), np.arange(4)), [[4.0, 3.0, 2.0, 1.0]])
    assert np.isnan(curve.at(later, np.array([6, 7]), np.array([4, 1]))).all()


def test_the_family_sees_the_plugged_cars() -> None:
    stays = stays_of(np.random.default_rng(3))
    outlook = Outlook.none(sites=SITES, days=DAYS, horizons=HORIZONS)
    for day in range(DAYS.count):
        outlook.advance(stays, scale=np.array([2.0, 4.0]), known=np.array([True, day > 3]))
    assert np.isnan(outlook.expected[0].values[:, : 4 * 24, 1]).all()
    assert np.isfinite(outlook.expected[1].values[..., 0]).all()
    y = np.ones((SITES, DAYS.count, 24))
    origin = np.full(3, 10 * 24)
    steps = Steps(y.reshape(SITES, -1), y.reshape(SITES, -1), History(DAYS, y), origin, origin + np.array([1, 2, 3]))
    x = EvStation(expected=outlook.expected).step_features(steps)
    here = [((stays.site == k) & (stays.begins <= 240) & (stays.ends > 240)).sum() for k in range(SITES)]
    np.testing.assert_allclose(x[:, 0, -3], np.array(here) / [2.0, 4.0] - 1.0, rtol=1e-6)

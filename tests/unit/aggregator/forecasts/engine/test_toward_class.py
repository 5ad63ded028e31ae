"""The ridge about the class's answer: from the asset's own answer to the class's."""

import numpy as np

from aggregator.forecasts.domain.engine.ridge import Moments, shrunk, solved


def moments() -> Moments:
    """Two assets that answer to the same features in opposite ways, around a class that is theirs together."""
    random = np.random.default_rng(2)
    x = random.normal(size=(2, 4000, 3))
    own = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 1.0]])
    return Moments.none((2,), 3).plus(x, (x @ own[..., None])[..., 0])


def test_it_moves_the_coefficients_from_their_own_to_those_of_the_class() -> None:
    found = moments()
    own, group = solved(found, ridge=0.0), solved(found.pooled(), ridge=0.0)
    away = [
        np.abs(shrunk(found, found.pooled(), ridge=1e-9, toward_class=strength, pseudo_rows=0.0) - group).max()
        for strength in (1e-9, 0.1, 1.0, 1e6)
    ]
    assert away == sorted(away, reverse=True)
    np.testing.assert_allclose(away[0], np.abs(own - group).max(), rtol=1e-3)
    assert away[-1] < 1e-4


def test_an_asset_that_is_its_class_is_not_moved() -> None:
    found = moments()
    alone = Moments(found.gram[:1], found.moment[:1], found.rows[:1])
    drawn = shrunk(alone, alone.pooled(), ridge=1e-9, toward_class=0.5)
    np.testing.assert_allclose(drawn[0], solved(alone, ridge=1e-9)[0], atol=1e-6)

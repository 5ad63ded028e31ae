"""What a forecast activity lets be moved, for assets of one kind."""

from collections.abc import Sequence

import numpy as np

from aggregator.assets.domain import Spec
from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.assets.domain.ev_station import EvStationSpec
from aggregator.assets.domain.generation import GenerationSpec
from aggregator.assets.domain.load import LoadSpec
from aggregator.forecasts.domain.engine.groups import Movable


def movable_of(specs: Sequence[Spec]) -> Movable:
    """Generation can be curtailed; loads shed what lies above must-run; charging and cooling can wait, and rooms be cooled ahead."""
    rows = [_one(spec) for spec in specs]
    return Movable(
        up=np.array([row[0] for row in rows], dtype=bool),
        must_run_kw=np.array([row[1] for row in rows]),
        down_per_kw=np.array([row[2] for row in rows]),
        rated_kw=np.array([spec.rated_kw for spec in specs]),
    )


def _one(spec: Spec) -> tuple[bool, float, float]:
    """(up, must run, down per kW)."""
    if isinstance(spec, GenerationSpec):
        return False, 0.0, 1.0 if spec.curtailable else 0.0
    if isinstance(spec, LoadSpec):
        return spec.sheddable and spec.max_calls_per_day > 0, spec.must_run_kw, 0.0
    if isinstance(spec, EvStationSpec):
        return True, 0.0, 0.0
    if isinstance(spec, AirConditioningSpec):
        return True, 0.0, -1.0
    return False, 0.0, 0.0

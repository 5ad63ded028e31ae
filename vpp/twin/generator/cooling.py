"""Air conditioning of a building: the power that holds its set point against the air outside, the sun and what is inside."""

from dataclasses import dataclass

import numpy as np

from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from vpp.twin.generator.loads import LoadPlan, load_kw
from vpp.twin.generator.weather import Sky

EMPTY_RATIO = 0.15  # of the heat inside while nobody is there


@dataclass(frozen=True)
class CoolingPlan:
    """Heat [kW] of people and machines in a full building, and of the sun at 1000 W/m2."""

    name: str
    profile: str
    gains_kw: float
    sun_kw: float = 0.0


def cooling_kw(plan: CoolingPlan, spec: AirConditioningSpec, sky: Sky, *, seed: int) -> np.ndarray:
    """Electric power at the set point [kW, >= 0], shape (n,): heat balance over the coefficient of performance."""
    presence = load_kw(LoadPlan(plan.name, full_kw=1.0, profile=plan.profile, idle_ratio=EMPTY_RATIO), sky, seed=seed)
    outside = spec.loss_kw_per_k * (sky.truth.temperature_c - spec.set_point_c)
    heat = outside + plan.gains_kw * presence + plan.sun_kw * sky.truth.ghi_w_per_m2 / 1000
    return np.maximum(0.0, heat / spec.cop)

"""Air conditioning: what holds the set point, learned with the weather; without a forecast of the weather nothing is moved."""

from aggregator.assets.domain.air_conditioning import AirConditioningSpec
from aggregator.forecasts.domain._storage import fresh
from aggregator.forecasts.domain._types import Facts, Outlook

SENSOR_ERROR_K = 0.3  # kept away from both edges of the comfort band at the firm level
BLIND = ("without_weather", "short_history")


def knows_the_weather(outlook: Outlook) -> bool:
    return not set(BLIND) & set(outlook.notes)


def stored_kwh(spec: AirConditioningSpec, facts: Facts, *, hours_ahead: float) -> float | None:
    """Cold in the room when the grid begins; None where its temperature was never or not lately measured.

    A grid that begins later finds the room at its set point: until then it is given back.
    """
    if facts.soc_ratio is None or not fresh(facts, hours_ahead=hours_ahead):
        return None
    return spec.set_kwh if hours_ahead > 1 else facts.soc_ratio * spec.band_kwh


def margin_kwh(spec: AirConditioningSpec, *, level: str) -> float:
    return SENSOR_ERROR_K * spec.capacity_kwh_per_k if level == "firm" else 0.0

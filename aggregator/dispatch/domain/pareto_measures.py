"""What a schedule means in money, carbon and use of own generation: energies of the day, conserved to the last digit."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.refusals import ProblemRefused
from aggregator.dispatch.domain.schedule import Schedule


@dataclass(frozen=True)
class CarbonFactor:
    """Emissions of a kWh from the grid (n_periods,) [kg/kWh], >= 0, and who says so. Raises ProblemRefused."""

    kg_per_kwh: np.ndarray
    source: str

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ProblemRefused(why="factor_without_source")
        if not np.isfinite(self.kg_per_kwh).all() or (self.kg_per_kwh < 0).any() or not self.kg_per_kwh.any():
            raise ProblemRefused(why="factor_unusable")


@dataclass(frozen=True)
class DayFlows:
    """Energies of all sites [kWh], each >= 0 but consumed_kwh where somebody who is neither store nor generator feeds in.

    generated + import + discharged = export + charged + consumed. `exported_generation_kwh`: per site and period the smaller of
    export and generation, as a meter at the connection sees it. `peak_import_kw`: sum of the sites' largest imports [kW].
    """

    available_kwh: float
    generated_kwh: float
    curtailed_kwh: float
    exported_generation_kwh: float
    import_kwh: float
    export_kwh: float
    charged_kwh: float
    discharged_kwh: float
    consumed_kwh: float
    shed_kwh: float
    peak_import_kw: float

    @property
    def self_consumption_ratio(self) -> float | None:
        """(generated - exported of it) / available: used or stored on site. None without generation."""
        if self.available_kwh <= 0:
            return None
        return (self.generated_kwh - self.exported_generation_kwh) / self.available_kwh


def day_flows(problem: ScheduleProblem, schedule: Schedule, generators: Collection[str]) -> DayFlows:
    """`generators`: keys of the assets whose fixed injection is available generation."""
    h, n = problem.grid.hours, len(problem.grid)
    generation = {s: np.zeros(n) for s in problem.site_keys}
    available = charged = discharged = consumed = shed = 0.0
    for key in problem.asset_keys:
        site, device = problem.devices[key]
        injection = schedule.injection_kw[key]
        if key in generators:
            generation[site] = generation[site] + injection
            available += h * float(device.fixed_kw.sum())
        elif device.store is not None or device.stays:
            charged += h * float(np.maximum(0.0, -injection).sum())
            discharged += h * float(np.maximum(0.0, injection).sum())
        else:
            consumed -= h * float(injection.sum())
            shed += h * float(schedule.up_kw[key].sum())
    generated = h * float(sum(kw.sum() for kw in generation.values()))
    return DayFlows(
        available_kwh=available,
        generated_kwh=generated,
        curtailed_kwh=available - generated,
        exported_generation_kwh=h * sum(float(np.minimum(schedule.export_kw[s], generation[s]).sum()) for s in problem.site_keys),
        import_kwh=h * sum(float(schedule.import_kw[s].sum()) for s in problem.site_keys),
        export_kwh=h * sum(float(schedule.export_kw[s].sum()) for s in problem.site_keys),
        charged_kwh=charged,
        discharged_kwh=discharged,
        consumed_kwh=consumed,
        shed_kwh=shed,
        peak_import_kw=sum(float(schedule.import_kw[s].max(initial=0.0)) for s in problem.site_keys),
    )


def imported(problem: ScheduleProblem, schedule: Schedule, rate_per_kwh: np.ndarray) -> float:
    """Sum of rate (n_periods,) x imported energy of every site: kWh at rate 1, kg at an emission factor [kg/kWh]."""
    return problem.grid.hours * sum(float(rate_per_kwh @ schedule.import_kw[s]) for s in problem.site_keys)


def stored_gain_kwh(problem: ScheduleProblem, schedule: Schedule) -> float:
    """What the stores hold more at the end than at the start, as far as it comes out again [kWh]."""
    gained = 0.0
    for key in problem.asset_keys:
        device = problem.devices[key][1]
        if device.store is not None and device.terminal_value_ratio and len(problem.grid):
            gained += device.terminal_value_ratio * (float(schedule.stored_kwh[key][-1]) - device.store.initial_kwh)
    return gained

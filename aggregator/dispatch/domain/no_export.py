"""Sites that may export nothing: their generators are told a limit wherever more sun or wind than expected would go out."""

from collections.abc import Mapping

import numpy as np

from aggregator.assets.domain.generation import GenerationSpec
from aggregator.dispatch.domain.facts import AssetFacts
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule


def standing_limits_kw(problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> dict[str, np.ndarray]:
    """Per generator (n_periods,) the most it may inject [kW], NaN where no limit is needed; only of sites without export.

    A limit stands where the site would export if all its generators gave their bright forecast (`AssetFacts.bright_kw`) and
    everything else did what is planned. What the site takes beyond the planned generation is shared out by how much more than
    planned each generator may give. No limit is below the plan: a limit is a margin, it does not change what is expected.
    """
    found: dict[str, np.ndarray] = {}
    for site_key in problem.site_keys:
        members = [key for key in problem.asset_keys if problem.devices[key][0] == site_key]
        own = [key for key in members if isinstance(assets[key].spec, GenerationSpec)]
        if not own or not _closed(problem, schedule, site_key, own):
            continue
        planned = {key: schedule.injection_kw[key] for key in own}
        bright = {key: np.maximum(planned[key], _bright_kw(assets[key])) for key in own}
        obeys = [key for key in own if assets[key].movable and problem.devices[key][1].down_kw.any()]
        others = sum((schedule.injection_kw[key] for key in members if key not in obeys), np.zeros(len(problem.grid)))
        others = others + sum((bright[key] - planned[key] for key in own if key not in obeys), np.zeros(len(problem.grid)))
        more = {key: bright[key] - planned[key] for key in obeys}
        beyond = sum(more.values(), np.zeros(len(problem.grid)))
        spare = np.maximum(0.0, -others - sum((planned[key] for key in obeys), np.zeros(len(problem.grid))))
        ratio = np.divide(spare, beyond, out=np.ones_like(spare), where=beyond > 0)
        for key in obeys:
            found[key] = np.where(spare < beyond, planned[key] + np.minimum(1.0, ratio) * more[key], np.nan)
    return found


def _closed(problem: ScheduleProblem, schedule: Schedule, site_key: str, own: list[str]) -> bool:
    """Whether nothing may go out: no export limit, a share of nothing, or a share that the day has used up."""
    site, h = problem.sites[site_key], problem.grid.hours
    return site.export_limit_kw <= 0 or site.may_export_kwh(h * sum(float(schedule.injection_kw[key].sum()) for key in own)) <= 0


def _bright_kw(facts: AssetFacts) -> np.ndarray:
    """The bright forecast within the rating; where there is none the generator may give all it has."""
    if facts.bright_kw is None:
        return np.full_like(facts.envelope.base_kw, facts.spec.rated_kw)
    return np.minimum(np.where(np.isfinite(facts.bright_kw), facts.bright_kw, facts.spec.rated_kw), facts.spec.rated_kw)

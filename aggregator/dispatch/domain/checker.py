"""An independent opinion on a schedule: every limit again, from specs and envelopes, with own equations.

Nothing of the formulation or of `Device` is used here, so an error there shows as a violation. Assets one by one are in
_asset_checks and _load_checks; here stands what they share.
"""

from collections.abc import Mapping

import numpy as np

from aggregator.assets.domain.generation import GenerationSpec
from aggregator.dispatch.domain._asset_checks import check_asset
from aggregator.dispatch.domain._violations import Violation, over
from aggregator.dispatch.domain.facts import AssetFacts
from aggregator.dispatch.domain.problem import ScheduleProblem
from aggregator.dispatch.domain.schedule import Schedule

__all__ = ["Violation", "check_schedule"]


def check_schedule(*, problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> list[Violation]:
    """Everything that is broken, sorted by subject and period; empty = the plan may be sent."""
    found: list[Violation] = []
    for key in sorted(problem.devices, key=str):
        if key not in assets or key not in schedule.injection_kw:
            found.append(Violation(str(key), "no_facts", 0, 0.0))
            continue
        found += check_asset(str(key), assets[key], schedule.injection_kw[key], schedule.on.get(key), problem.grid.hours)
    found += _sites(problem, schedule, assets)
    found += _groups(problem, schedule)
    found += _export_shares(problem, schedule, assets)
    found += _promises(problem, schedule)
    return found


def _sites(problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> list[Violation]:
    found: list[Violation] = []
    allowed = {(r.site, r.limit, r.period): r.by_kw for r in schedule.relaxed}
    total = np.zeros(len(problem.grid))
    for site_key in sorted(problem.sites, key=str):
        site = problem.sites[site_key]
        net = np.zeros(len(problem.grid))
        for key, facts in assets.items():
            if facts.site == site_key and key in schedule.injection_kw:
                net = net + schedule.injection_kw[key]
        total += net
        for limit, flow, most in (("import_limit", -net, site.import_limit_kw), ("export_limit", net, site.export_limit_kw)):
            given_way = np.array([allowed.get((site_key, limit, t), 0.0) for t in range(len(net))])
            found += over(str(site_key), limit, flow - most - given_way, most)
        found += over(
            str(site_key), "site_balance", np.abs(schedule.export_kw[site_key] - schedule.import_kw[site_key] - net), site.import_limit_kw
        )
    size = float(np.abs(total).max(initial=0.0))
    return found + over("portfolio", "balance", np.abs(schedule.portfolio_kw - total), size)


def _groups(problem: ScheduleProblem, schedule: Schedule) -> list[Violation]:
    """Feeders and transformers: every one carries what hangs on it and on those behind it."""
    found: list[Violation] = []
    allowed = {(r.site, r.limit, r.period): r.by_kw for r in schedule.relaxed}
    for name in sorted(problem.groups, key=str):
        group, net = problem.groups[name], np.zeros(len(problem.grid))
        for key, injection_kw in schedule.injection_kw.items():
            if name in _around(problem, key):
                net = net + injection_kw
        limits = (("group_import_limit", -net, group.import_limit_kw), ("group_export_limit", net, group.export_limit_kw))
        for limit, flow, most in limits:
            given_way = np.array([allowed.get((name, limit, t), 0.0) for t in range(len(net))])
            found += over(str(name), limit, flow - most - given_way, most)
    return found


def _around(problem: ScheduleProblem, key: str) -> list[str]:
    """The groups that an asset is in, from the innermost outwards."""
    names: list[str] = []
    inner = problem.group_of.get(key)
    while inner is not None and inner not in names:
        names.append(inner)
        inner = problem.groups[inner].parent
    return names


def _export_shares(problem: ScheduleProblem, schedule: Schedule, assets: Mapping[str, AssetFacts]) -> list[Violation]:
    """Over the day a site exports no more than the ruled share of what its own sun and wind give; `by` is mean power of the plan.

    Only what the plan makes worse: what went out too much before cannot be taken back, except by generation that the site has a
    use for. So curtailing while the site imports counts against the share, and curtailing what would go out does not.
    """
    found: list[Violation] = []
    h, n = problem.grid.hours, len(problem.grid)
    for site_key in sorted(problem.sites, key=str):
        before = problem.sites[site_key]
        ratio = before.export_share_ratio
        if np.isinf(ratio) or not n:
            continue
        own = {key: facts for key, facts in assets.items() if facts.site == site_key and key in schedule.injection_kw}
        green = [key for key, facts in own.items() if isinstance(facts.spec, GenerationSpec)]
        net = sum((schedule.injection_kw[key] for key in own), np.zeros(n))
        made = sum((schedule.injection_kw[key] for key in green), np.zeros(n))
        curtailed = sum((np.maximum(0.0, own[key].envelope.base_kw - schedule.injection_kw[key]) for key in green), np.zeros(n))
        in_use = made + np.minimum(curtailed, np.maximum(0.0, -net))
        exported = float(np.maximum(0.0, net).sum())
        day = before.exported_so_far_kwh / h + exported - ratio * (before.generated_so_far_kwh / h + float(made.sum()))
        lost = max(0.0, before.exported_so_far_kwh / h - ratio * (before.generated_so_far_kwh / h + float(in_use.sum())))
        given_way = sum(r.by_kw for r in schedule.relaxed if (r.site, r.limit) == (site_key, "export_share"))
        found += over(str(site_key), "export_share", np.array([(day - lost) / n - given_way]), float(np.abs(net).mean()))
    return found


def _promises(problem: ScheduleProblem, schedule: Schedule) -> list[Violation]:
    """target = sum + shortfall - overshoot (in the direction asked for); firm block: at least baseline + firm - shortfall."""
    found: list[Violation] = []
    size = float(np.abs(schedule.portfolio_kw).max(initial=0.0))
    target, firm = problem.target, problem.firm
    if target is not None:
        wanted = ~np.isnan(target.injection_kw)
        rest = schedule.portfolio_kw + target.direction * (schedule.shortfall_kw - schedule.overshoot_kw) - target.injection_kw
        found += over("portfolio", "target", np.where(wanted, np.abs(rest), 0.0), size)
    if firm is not None and firm.fixed_kw is not None:
        missing = np.zeros(len(problem.grid))
        moved = firm.direction * (schedule.portfolio_kw[firm.window] - firm.baseline_kw)
        promised = np.broadcast_to(firm.fixed_kw, moved.shape)
        missing[firm.window] = np.where(promised > 0, promised - schedule.shortfall_kw[firm.window] - moved, 0.0)
        found += over("portfolio", "firm_block", missing, size)
    return found

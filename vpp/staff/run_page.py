"""One run of the optimiser: its certificate as a picture, and two runs against each other."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from aggregator.dispatch.queries import OptimisationFacts
from aggregator.enterprises.models import Site
from vpp.templatetags.vpp import cny, limit_price, limit_text, minutes, own_name, seconds, small_percent, stage_text, state_text

WIDTH, LEFT, RIGHT = 1000, 20, 980  # of the picture
LEAST = 3  # a part that is there can be seen
UUID_LIKE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Scale:
    """Where bound, plan and safe plan stand on one line, cheapest left; the bound is None where none is known."""

    bound: float | None
    plan: float
    safe: float | None

    @property
    def first(self) -> float:
        return min(x for x in (self.bound, self.plan, self.safe) if x is not None)

    @property
    def unproven(self) -> float:
        """Length from the bound to the plan: where a better plan might be."""
        return 0.0 if self.bound is None else max(self.plan - self.bound, 0.0)

    @property
    def gained(self) -> float:
        """Length from the plan to the safe plan: what optimising is worth."""
        return 0.0 if self.safe is None else max(self.safe - self.plan, 0.0)


def scale_of(run: OptimisationFacts) -> Scale | None:
    """None where there is nothing to compare the plan with."""
    known = [x for x in (run.lower_bound_cny, run.safe_cost_cny) if x is not None]
    low, high = min([run.cost_cny, *known]), max([run.cost_cny, *known])
    if not known or high <= low:
        return None

    def place(cny: float | None) -> float | None:
        return None if cny is None else LEFT + (RIGHT - LEFT) * (cny - low) / (high - low)

    bound, plan, safe = place(run.lower_bound_cny), place(run.cost_cny), place(run.safe_cost_cny)
    assert plan is not None
    if bound is not None and 0 < plan - bound < LEAST:
        plan = bound + LEAST
    return Scale(bound, plan, safe)


@dataclass(frozen=True)
class Stage:
    name: str
    seconds: float
    ratio: float


def stages_of(run: OptimisationFacts) -> list[Stage]:
    """In the order in which they ran."""
    total = run.wall_seconds or 0.0
    return [Stage(name, spent, spent / total if total else 0.0) for name, spent in run.seconds.items()]


def limits_of(run: OptimisationFacts) -> list[dict[str, Any]]:
    """The dearest first, each with the site that its subject names; "" is the portfolio, any other a group of assets."""
    sites = sites_of([run])
    return [{**row, "site": sites.get(row["subject"])} for row in run.limits]


def sites_of(runs: Sequence[OptimisationFacts]) -> dict[str, Site]:
    """By public id: the sites that bind in these runs."""
    named = {row["subject"] for run in runs for row in run.limits if UUID_LIKE.fullmatch(row["subject"])}
    return {str(site.public_id): site for site in Site.objects.filter(public_id__in=named).select_related("enterprise")}


@dataclass(frozen=True)
class Line:
    """One fact of two runs, in words. `change`: right less left, "" where that says nothing."""

    label: str
    left: str
    right: str
    change: str = ""

    @property
    def differs(self) -> bool:
        return self.left != self.right


def compare(left: OptimisationFacts, right: OptimisationFacts) -> list[Line]:
    """Facts, money, stages and limits, in the order of the page."""
    both = (left, right)
    said = [
        (_("Purpose"), lambda run: state_text(run.purpose)),
        (_("Computed"), lambda run: localtime(run.computed_at).strftime("%Y-%m-%d %H:%M:%S")),
        (_("Periods"), _window),
        (_("Inputs"), lambda run: run.inputs_hash[:12]),
        (_("Mode"), lambda run: state_text(run.mode)),
        (_("Result"), lambda run: state_text(run.status)),
        (_("Solver"), lambda run: run.solver or "–"),
    ]
    lines = [Line(label, say(left), say(right)) for label, say in said]
    counts = ((_("Assets"), "n_assets"), (_("Sites"), "n_sites"), (_("Violations found"), "violations"))
    lines += [_numbers(label, [getattr(run, name) for run in both], lambda value: f"{value:,}") for label, name in counts]
    money = (
        (_("Cost of the plan"), "cost_cny"),
        (_("Lower bound"), "lower_bound_cny"),
        (_("Cost of the safe plan"), "safe_cost_cny"),
        (_("Gap"), "gap_cny"),
        (_("Value of flexibility"), "flexibility_value_cny"),
    )
    lines += [_numbers(label, [getattr(run, name) for run in both], cny) for label, name in money]
    ratios = ((_("Gap of the cost"), "gap_ratio"), (_("Gap of the value of flexibility"), "flexibility_gap_ratio"))
    lines += [_numbers(label, [getattr(run, name) for run in both], small_percent) for label, name in ratios]
    lines += [_numbers(_("Wall time"), [run.wall_seconds for run in both], seconds)]
    stages = dict.fromkeys([*left.seconds, *right.seconds])
    lines += [_numbers(stage_text(name), [run.seconds.get(name) for run in both], seconds) for name in stages]
    return lines + _limits(both)


def _window(run: OptimisationFacts) -> str:
    return f"{localtime(run.grid.starts_at):%Y-%m-%d %H:%M} · {len(run.grid)} × {minutes(run.grid.resolution.total_seconds())}"


def _numbers(label: str, values: list[float | None], say: Callable[[float], str]) -> Line:
    left, right = values
    texts = [_("no data") if value is None else say(value) for value in values]
    if left is None or right is None or texts[0] == texts[1]:
        return Line(label, texts[0], texts[1])
    return Line(label, texts[0], texts[1], f"{'+' if right > left else '−'}{say(abs(right - left))}")


def _limits(runs: tuple[OptimisationFacts, OptimisationFacts]) -> list[Line]:
    """Prices of the limits that bind in either run, the dearest first; the portfolio's own have no subject."""
    found = [{(row["limit"], row["subject"]): row for row in run.limits} for run in runs]
    dearest = {key: max(side[key]["price"] for side in found if key in side) for key in {*found[0], *found[1]}}
    lines, sites = [], sites_of(runs)
    for key in sorted(dearest, key=lambda key: (-dearest[key], key)):
        texts = [limit_price(side[key]) if key in side else _("does not bind") for side in found]
        where = f"{own_name(sites[key[1]].enterprise)} · {own_name(sites[key[1]])}" if key[1] in sites else key[1]
        lines.append(Line(f"{limit_text(key[0])} {where}".strip(), *texts))
    return lines

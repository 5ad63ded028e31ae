"""A plan may not cross a limit that the safe plan keeps, whatever other limit the safe plan crosses."""

from dataclasses import replace

import numpy as np

from aggregator.dispatch.domain import Relaxed, SiteProblem, safe_plan
from aggregator.dispatch.operations._solve import _needless
from tests.unit.aggregator.dispatch.parks import grid_of, park_of, pv


def test_each_limit_is_compared_with_its_own() -> None:
    grid = grid_of(2)
    facts = {"p": pv(grid, [90.0, 90.0], site="a", curtailable=False), "q": pv(grid, [20.0, 20.0], site="b")}
    sites = {"a": SiteProblem(100.0, 40.0, np.zeros(2)), "b": SiteProblem(100.0, 10.0, np.zeros(2))}
    problem = park_of(grid, facts, value=[0.3, 0.3], sites=sites).problem
    safe = safe_plan(problem)
    assert [(row.site, row.period, row.by_kw) for row in safe.relaxed] == [("a", 0, 50.0), ("a", 1, 50.0)]

    def refused(*relaxed: Relaxed) -> list[tuple[str, int]]:
        return [(row.subject, row.period) for row in _needless(problem, replace(safe, relaxed=relaxed))]

    assert refused(*safe.relaxed) == []
    assert refused(Relaxed("a", "export_limit", 0, 100.0)) == []  # as much at another time
    assert refused(Relaxed("a", "export_limit", 0, 20.0), Relaxed("b", "export_limit", 1, 10.0)) == [("b", 1)]
    assert refused(Relaxed("b", "export_share", 0, 0.9)) == [("b", 0)]  # a mean over both periods

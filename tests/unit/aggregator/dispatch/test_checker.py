"""The checker finds what was deliberately broken: each limit once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aggregator.assets.domain import Session
from aggregator.dispatch.domain import GroupProblem, Relaxed, Schedule, SiteProblem, Target, check_schedule, solve_schedule
from aggregator.dispatch.domain.schedule import assemble
from tests.unit.aggregator.dispatch.parks import Park, battery, chargers, grid_of, park_of, plant, pv, wind

N = 6


def busy_park() -> Park:
    grid = grid_of(N)
    facts = {
        "bat": battery(grid, stored_kwh=50.0),
        "ev": chargers(grid, (Session("c", 0.0, 3.0, 30.0), Session("d", 2.0, 6.0, 40.0))),
        "fixed pv": pv(grid, np.full(N, 30.0), curtailable=False),
        "load": plant(grid, np.full(N, 100.0), max_calls_per_day=1, max_call_hours=2, notice=1),
        "wind": wind(grid, np.full(N, 40.0)),
    }
    sites = {"s": SiteProblem(200.0, 100.0, np.full(N, 0.2))}
    target = Target(np.array([np.nan, np.nan, np.nan, -30.0, np.nan, np.nan]))
    return park_of(grid, facts, value=[0.1, 0.2, 0.3, 1.0, 0.9, 0.2], sites=sites, target=target)


PARK = busy_park()
PLAN = solve_schedule(PARK.problem, deadline_s=20)


def broken(**changes: Callable[[np.ndarray], None]) -> Schedule:
    """The plan with some assets' injection edited; sums follow, so only the asset's own limits break."""
    injection = {key: kw.copy() for key, kw in PLAN.injection_kw.items()}
    for key, edit in changes.items():
        edit(injection[key.replace("_", " ")])
    return replace(PLAN, injection_kw=injection)


def put(t: int, kw: float) -> Callable[[np.ndarray], None]:
    def edit(values: np.ndarray) -> None:
        values[t] = kw

    return edit


def limits(schedule: Schedule, subject: str) -> set[str]:
    found = check_schedule(problem=PARK.problem, schedule=schedule, assets=PARK.facts)
    return {violation.limit for violation in found if violation.subject == subject}


def test_the_plan_itself_is_clean() -> None:
    assert check_schedule(problem=PARK.problem, schedule=PLAN, assets=PARK.facts) == []


@pytest.mark.parametrize(
    ("asset", "edit", "limit"),
    [
        ("bat", put(0, 50.1), "discharge_power"),
        ("bat", put(0, -50.1), "charge_power"),
        ("bat", lambda kw: kw.fill(30.0), "soc_floor"),
        ("bat", lambda kw: kw.fill(-30.0), "soc_ceiling"),
        ("bat", put(2, np.nan), "soc_floor"),
        ("ev", put(0, 5.0), "no_feed_in"),
        ("ev", put(0, -60.5), "station_power"),
        ("ev", put(0, -25.0), "plugged_power"),
        ("ev", lambda kw: kw.fill(0.0), "departure_need"),
        ("ev", lambda kw: kw.fill(-20.0), "more_than_needed"),
        ("fixed pv", put(1, 20.0), "curtailment"),
        ("wind", put(1, 40.1), "available_power"),
        ("wind", put(1, -0.1), "curtailment"),
        ("load", put(3, -10.0), "must_run"),
        ("load", put(3, -101.0), "natural_load"),
        ("load", put(0, -50.0), "shed_without_call"),
    ],
)
def test_a_broken_limit_is_named(asset: str, edit: Callable[[np.ndarray], None], limit: str) -> None:
    assert limit in limits(broken(**{asset.replace(" ", "_"): edit}), asset)


@pytest.mark.parametrize(
    ("periods", "limit"),
    [([1, 2, 3], "call_length"), ([1, 4], "calls_per_day"), ([0], "notice")],
)
def test_interruptions_are_counted(periods: list[int], limit: str) -> None:
    shed = broken(load=lambda kw: kw.__setitem__(periods, -50.0))
    on = np.zeros(N, dtype=bool)
    on[periods] = True
    assert limit in limits(replace(shed, on={"load": on}), "load")


def test_sums_that_do_not_add_up_are_found() -> None:
    assert "site_balance" in limits(replace(PLAN, import_kw={"s": PLAN.import_kw["s"] + 1.0}), "s")
    assert limits(replace(PLAN, portfolio_kw=PLAN.portfolio_kw + 1.0), "portfolio") == {"balance", "target"}
    assert "target" in limits(replace(PLAN, shortfall_kw=PLAN.shortfall_kw + 1.0), "portfolio")


def test_a_site_limit_counts_unless_it_is_said_to_give_way() -> None:
    tight = PARK.asked(sites={"s": SiteProblem(1.0, 0.0, np.full(N, 0.2))})
    found = check_schedule(problem=tight.problem, schedule=PLAN, assets=tight.facts)
    assert {v.limit for v in found if v.subject == "s"} == {"import_limit", "export_limit"}
    honest = solve_schedule(tight.problem, deadline_s=20)
    assert honest.relaxed
    assert check_schedule(problem=tight.problem, schedule=honest, assets=tight.facts) == []


GROUPS = {"s:outer": GroupProblem("s", 90.0, 60.0), "s:inner": GroupProblem("s", 90.0, 20.0, parent="s:outer")}
GROUP_OF = {"load": "s:outer", "fixed pv": "s:outer", "bat": "s:inner", "wind": "s:inner"}


def of_groups(injection: dict[str, float], *relaxed: Relaxed, **changes: GroupProblem) -> list[tuple[str, str, float]]:
    """What the checker says of groups when these assets stand still at these powers, all others at zero."""
    still = {key: np.full(N, injection.get(key, 0.0)) for key in PLAN.injection_kw}
    park = PARK.asked(groups={**GROUPS, **{name.replace("_", ":"): row for name, row in changes.items()}}, group_of=GROUP_OF)
    found = check_schedule(problem=park.problem, schedule=replace(PLAN, injection_kw=still, relaxed=relaxed), assets=park.facts)
    return [(v.subject, v.limit, round(v.by, 3)) for v in found if v.limit.startswith("group") and v.period == 2]


@pytest.mark.parametrize(
    ("injection", "expected"),
    [
        ({"bat": 20.0, "wind": 0.0, "fixed pv": 30.0, "load": -140.0}, []),
        ({"bat": 20.0, "wind": 5.0}, [("s:inner", "group_export_limit", 5.0)]),
        ({"bat": 20.0, "fixed pv": 45.0}, [("s:outer", "group_export_limit", 5.0)]),  # the inner one counts in the outer one
        ({"load": -75.0, "bat": -20.0}, [("s:outer", "group_import_limit", 5.0)]),
        ({"bat": -95.0, "fixed pv": 30.0}, [("s:inner", "group_import_limit", 5.0)]),
        ({"ev": -500.0}, []),  # it hangs on the connection itself
    ],
)
def test_what_hangs_on_a_transformer_is_added_up(injection: dict[str, float], expected: list) -> None:
    assert of_groups(injection) == expected


def test_a_transformers_limit_counts_unless_it_is_said_to_give_way() -> None:
    too_much = {"bat": 20.0, "wind": 5.0}
    assert of_groups(too_much, Relaxed("s:inner", "group_export_limit", 2, 5.0)) == []
    assert of_groups(too_much, Relaxed("s:inner", "group_export_limit", 2, 3.0)) == [("s:inner", "group_export_limit", 2.0)]
    for other in (Relaxed("s:outer", "group_export_limit", 2, 5.0), Relaxed("s:inner", "group_import_limit", 2, 5.0)):
        assert of_groups(too_much, other) == [("s:inner", "group_export_limit", 5.0)]


def shares(park: Park, schedule: Schedule) -> list[float]:
    found = check_schedule(problem=park.problem, schedule=schedule, assets=park.facts)
    return [round(v.by, 3) for v in found if v.limit == "export_share"]


def sunny(ratio: float) -> Park:
    """100 kW of sun in the first half, 40 kW of load and a battery; nothing is asked for."""
    grid = grid_of(4)
    facts = {
        "bat": battery(grid, stored_kwh=50.0),
        "load": plant(grid, np.full(4, 40.0), sheddable=False),
        "pv": pv(grid, [100.0, 100.0, 0.0, 0.0], curtailable=False),
    }
    return park_of(grid, facts, value=[0.3] * 4, sites={"s": SiteProblem(200.0, 200.0, np.zeros(4), export_share_ratio=ratio)})


def test_the_export_share_is_of_what_the_site_generates_itself() -> None:
    still = {"load": np.full(4, -40.0), "pv": np.array([100.0, 100.0, 0.0, 0.0]), "bat": np.zeros(4)}

    def plan(ratio: float, bat_kw: list[float] | None = None, *relaxed: Relaxed) -> list[float]:
        park = sunny(ratio)
        injection = still | ({} if bat_kw is None else {"bat": np.array(bat_kw)})
        return shares(park, replace(solve_schedule(park.problem, deadline_s=20), injection_kw=injection, relaxed=relaxed))

    assert plan(np.inf) == []
    assert plan(0.6) == []  # 120 kWh of 200
    assert plan(0.5) == [5.0]  # 20 kWh beyond, over four periods
    assert plan(0.0) == [30.0]
    assert plan(0.5, [-10.0, -10.0, 10.0, 10.0]) == []
    assert plan(0.6, [0.0, 0.0, 48.0, 0.0]) == [2.0]  # what a battery gives is no generation
    assert plan(0.5, None, Relaxed("s", "export_share", 0, 5.0)) == []
    assert plan(0.5, None, Relaxed("s", "export_share", 0, 4.0)) == [1.0]
    assert plan(0.5, None, Relaxed("t", "export_share", 0, 5.0)) == [5.0]


def test_curtailing_what_the_site_could_use_counts_against_a_share_that_is_used_up() -> None:
    """60 of 300 kWh have gone out; with less sun the same 60 kWh are too much. What would go out is curtailed without harm."""
    grid = grid_of(2)
    facts = {"pv": pv(grid, [50.0, 50.0]), "load": plant(grid, [200.0, 20.0], sheddable=False)}

    def plan(pv_kw: list[float], *, generated: float, exported: float) -> list[float]:
        site = SiteProblem(500.0, 500.0, np.zeros(2), export_share_ratio=0.2, generated_so_far_kwh=generated, exported_so_far_kwh=exported)
        park = park_of(grid, facts, value=[0.3] * 2, sites={"s": site})
        up, down = dict.fromkeys(facts, np.zeros(2)), {"load": np.zeros(2), "pv": np.array([50.0, 50.0]) - pv_kw}
        made = assemble(park.problem, up=up, down=down, on={}, status="timeout")
        named = [round(row.by_kw, 3) for row in made.relaxed if row.limit == "export_share"]
        assert shares(park, made) == []
        assert shares(park, replace(made, relaxed=())) == named
        return named

    assert plan([50.0, 20.0], generated=230.0, exported=60.0) == []
    assert plan([0.0, 20.0], generated=230.0, exported=60.0) == [5.0]
    assert plan([50.0, 20.0], generated=0.0, exported=900.0) == []
    assert plan([30.0, 25.0], generated=0.0, exported=900.0) == [4.5]  # 5 kWh out, and 0.2 of 20 kWh


def test_an_asset_nobody_knows_is_a_violation() -> None:
    facts = {key: row for key, row in PARK.facts.items() if key != "wind"}
    assert "no_facts" in {v.limit for v in check_schedule(problem=PARK.problem, schedule=PLAN, assets=facts)}

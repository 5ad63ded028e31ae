"""Plans for fleets of any size: exact for small ones, by prices and exact best responses for large ones, always with a bound.

The way in: `problem.FleetProblem`, `plan.plan_fleet`, `checker.check_fleet`. See docs/optimiser.md.
"""

"""What the upper levels hand down: the prices at every connection and group, and how much of it a plan should aim at."""

from dataclasses import dataclass

import numpy as np

UNLIMITED_KW = 1e12


@dataclass(frozen=True)
class Prices:
    """Duals of the fleet's shared limits, E sites, G groups, n periods. Any values give a valid bound; good ones a good plan.

    mu_cny_per_kwh          : (n,) value of one more kWh to the portfolio.
    lam_cny_per_kwh         : (E, n) value of one more kWh injected at a site.
    share_cny_per_kwh       : (E,) >= 0, what one more kWh of allowed export would be worth.
    demand_cny_per_kw       : (E, n) >= 0, what a site's peak costs, by the periods that make it; sums to the demand price at most.
    group_up_cny_per_kwh    : (G, n) >= 0, price of a group's export limit.
    group_down_cny_per_kwh  : (G, n) >= 0, price of a group's import limit.
    target_kw               : (E, n) injection of a site in the plan with summed assets, before curtailment (signed).
    xcap_kw                 : (E, n) planned export where generation is curtailed, UNLIMITED_KW elsewhere.
    over_limit_kw           : (E,) most kW by which a connection limit had to give way; 0 where all limits hold.
    group_over_limit_kw     : (G,) the same of groups.
    """

    mu_cny_per_kwh: np.ndarray
    lam_cny_per_kwh: np.ndarray
    share_cny_per_kwh: np.ndarray
    demand_cny_per_kw: np.ndarray
    group_up_cny_per_kwh: np.ndarray
    group_down_cny_per_kwh: np.ndarray
    target_kw: np.ndarray
    xcap_kw: np.ndarray
    over_limit_kw: np.ndarray
    group_over_limit_kw: np.ndarray


def blank_prices(n_sites: int, n_groups: int, mu_cny_per_kwh: np.ndarray) -> Prices:
    """Room for the prices of a fleet; every price 0 but mu."""
    n = len(mu_cny_per_kwh)
    site, group = (n_sites, n), (n_groups, n)
    rooms = (site, (n_sites,), site, group, group, site, site, (n_sites,), (n_groups,))
    return Prices(mu_cny_per_kwh, *(np.zeros(shape) for shape in rooms))

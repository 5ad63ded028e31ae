"""The share of its own generation that a site may export, over the day so far and a plan: what is beyond it, what may be left unused."""

import numpy as np

from aggregator.dispatch.domain.problem import SiteProblem


def beyond_share_kwh(site: SiteProblem, *, hours: float, net_kw: np.ndarray, made_kw: np.ndarray, unused_kw: np.ndarray) -> float:
    """Energy [kWh] by which the plan itself makes the day's export more than the share; <= 0 = kept.

    net_kw, made_kw, unused_kw (n,): injection of the site, generation used, generation curtailed. What the day has exported too much
    cannot be taken back: it is not counted as far as all generation that the site had a use for would not make up for it.
    Unlike an export that is avoided, generation left unused while the site imports takes from the day's share.
    """
    ratio = site.export_share_ratio
    if np.isinf(ratio):
        return -np.inf
    useful = hours * float((made_kw + np.minimum(unused_kw, np.maximum(0.0, -net_kw))).sum())
    lost = max(0.0, site.exported_so_far_kwh - ratio * (site.generated_so_far_kwh + useful))
    return -_left_kwh(site, hours, net_kw, made_kw) - lost


def spare_generation_kwh(site: SiteProblem, *, hours: float, net_kw: np.ndarray, made_kw: np.ndarray) -> float:
    """Generation [kWh] that may be left unused beyond what is exported, without exporting more than the share; inf = any."""
    ratio = site.export_share_ratio
    if np.isinf(ratio) or ratio == 0:
        return np.inf
    return max(0.0, _left_kwh(site, hours, net_kw, made_kw)) / ratio


def _left_kwh(site: SiteProblem, hours: float, net_kw: np.ndarray, made_kw: np.ndarray) -> float:
    exported = site.exported_so_far_kwh + hours * float(np.maximum(0.0, net_kw).sum())
    return site.export_share_ratio * (site.generated_so_far_kwh + hours * float(made_kw.sum())) - exported

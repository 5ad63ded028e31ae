"""The pack's baseline rules as metering understands them."""

from aggregator.metering.domain import Adjustment, BaselineMethod
from market.rules.domain._figures import figure
from market.rules.domain._pack import Pack


def baseline_method(pack: Pack) -> BaselineMethod:
    """Raises FigureUnknown where the pack has no baseline rules."""
    rules = figure(pack=pack, path="baseline")
    adjustment = Adjustment(
        window_hours=float(rules.adjustment_window_hours),
        gap_hours=float(rules.adjustment_ends_before_hours),
        clip_low=float(rules.adjustment_clip_low_ratio),
        clip_high=float(rules.adjustment_clip_high_ratio),
    )
    return BaselineMethod(
        days=rules.days,
        candidate_days=max(rules.days, BaselineMethod.candidate_days),
        same_type_days=rules.same_type_days,
        min_coverage_ratio=float(rules.min_coverage_ratio),
        search_days=rules.search_days,
        adjustment=adjustment if rules.method == "same_day_adjusted" else None,
    )

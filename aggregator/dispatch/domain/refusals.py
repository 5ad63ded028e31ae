"""Why no schedule can be computed."""

from aggregator.kernel.errors import Anticipated


class ProblemRefused(Anticipated):
    """`why` is a code of `whys`; the other fields are what its sentence names."""

    code = "dispatch.problem_refused"
    text = "The schedule cannot be computed: %(why)s."
    status = 422
    whys = {
        "nothing_to_plan": "there is nothing to plan, no members or no periods",
        "no_forecast": "asset %(asset)s has no forecast",
        "no_import_price": "site %(site)s has no import price",
        "forecast_too_short": "the forecast does not cover the periods",
        "periods_over": "the periods are over",
        "target_over": "the periods of the target are over",
        "window_not_planned": "the window is over, empty, or outside the plan",
        "value_incomplete": "the value of injection is missing in some periods",
        "import_price_incomplete": "the import price of site %(site)s is missing in some periods",
        "asset_incomplete": "what asset %(asset)s can do is missing in some periods",
        "promise_incomplete": "the baseline, price or quantity of the firm block is missing in some periods",
        "target_misfits": "the target does not fit the periods",
        "target_endless": "the target is no finite power in some period",
        "factor_misfits": "the emission factor does not fit the periods",
        "site_unknown": "site %(site)s of asset %(asset)s is unknown",
        "group_unknown": "group %(group)s of asset %(asset)s is unknown or of another site",
        "negative_range": "asset %(asset)s has a negative range",
        "sourceless_injection": "asset %(asset)s can inject more, but nothing says where that comes from",
        "block_open": "the quantity of the firm block is open",
        "no_target": "there is no target to split",
        "promise_before_target": "a firm block begins before the end of the target",
        "factor_without_source": "an emission factor without its source is not used",
        "factor_unusable": "the emission factor is missing or negative somewhere, or zero all day",
        "objective_negative": "a price of the objective is missing or negative",
        "objective_too_high": "what the objective adds to a kWh of import is more than %(most)s CNY",
    }

"""Stable codes and what they are called on screen. A test holds every code of the topics against these."""

from django.utils.translation import gettext_lazy as _

STATES = {
    # bids, awards, instructions
    "draft": _("waits for approval"),
    "approved": _("approved"),
    "submitted": _("submitted"),
    "accepted": _("accepted"),
    "rejected": _("rejected"),
    "awarded": _("awarded"),
    "unawarded": _("not awarded"),
    "withdrawn": _("withdrawn"),
    "missed": _("missed"),
    "received": _("received"),
    "executing": _("executing"),
    "completed": _("completed"),
    "refused": _("refused"),
    "cancelled": _("cancelled"),
    # plans and setpoints
    "schedule": _("day schedule"),
    "instruction": _("dispatch of an instruction"),
    "redispatch": _("re-dispatch of what was missing"),
    "replan": _("rolling schedule"),
    "bid": _("bid"),
    "fleet": _("fleet optimisation"),
    # how a plan was computed
    "reference": _("exact model"),
    "sharded": _("fleet optimisation in shards"),
    "curves": _("supply curves"),
    "fast": _("fast split"),
    "stop": _("global stop"),
    "planned": _("planned"),
    "sent": _("sent"),
    "superseded": _("replaced by a newer one"),
    "expired": _("expired without answer"),
    "pending": _("not yet checked"),
    "followed": _("followed"),
    "contradicted": _("not followed"),
    "unverified": _("not verified"),
    # solver
    "optimal": _("optimal"),
    "at_gap": _("within the gap"),
    "timeout": _("time limit reached"),
    "fallback": _("safe fallback"),
    # settlement
    "provisional": _("provisional"),
    "final": _("final"),
    # products and severities
    "spot": _("spot"),
    "demand_response": _("demand response"),
    "reserve_up": _("up reserve"),
    "reserve_down": _("down reserve"),
    "info": _("info"),
    "warning": _("warning"),
    "critical": _("critical"),
}

# Messages of platforms, both ways (market/platforms/models.py).
MESSAGES = {
    "received": _("received"),
    "processing": _("being worked on"),
    "done": _("done"),
    "failed": _("failed, is tried again"),
    "dead": _("given up: needs a person"),
    "ignored": _("ignored: nobody handles this type"),
    "pending": _("waits to be sent"),
    "sending": _("being sent"),
    "delivered": _("delivered"),
    "expired": _("expired before it was delivered"),
}

KINDS = {
    "pv": _("solar"),
    "wind": _("wind"),
    "storage": _("storage"),
    "ev_station": _("EV charging station"),
    "load": _("interruptible load"),
    "air_conditioning": _("air conditioning"),
    "two_way_charger": _("two-way EV charger"),
}

COMPONENTS = {
    "spot.day_ahead": _("Spot, day-ahead position"),
    "spot.deviation": _("Spot, deviation at the real-time price"),
    "demand_response.energy": _("Demand response, energy"),
    "demand_response.penalty": _("Demand response, penalty for deficiency"),
    "green.premium": _("Green power, environmental premium"),
    "green.purchase": _("Green power, environmental premium paid"),
}

REASONS = {
    # why an asset does what it does (aggregator/dispatch/domain/reasons.py)
    "uncontrolled": _("cannot be moved; planned at its forecast"),
    "serve_firm_block": _("moves for the awarded demand response"),
    "serve_target": _("moves for the grid's instruction"),
    "low_price_charge": _("charges while energy is cheap"),
    "negative_price_charge": _("charges while prices are negative"),
    "own_surplus_charge": _("stores the site's own surplus"),
    "high_price_discharge": _("discharges while energy is dear"),
    "demand_peak": _("keeps the site's charged peak down"),
    "site_import_limit": _("keeps the site inside its import contract"),
    "site_export_limit": _("keeps the site inside its export contract"),
    "group_import_limit": _("keeps a feeder or transformer inside its import limit"),
    "group_export_limit": _("keeps a feeder or transformer inside its export limit"),
    "export_share": _("keeps the site inside the share of its generation that it may export"),
    "no_export": _("kept from exporting on a brighter day: the site may export nothing"),
    "idle_no_gain": _("rests: no gain in moving"),
    "charge_at_once": _("charges at once"),
    "departure_need": _("charges because a car is about to leave"),
    "delayed_for_price": _("waits for cheaper energy"),
    "no_car": _("no car is plugged in"),
    "free_run": _("generates freely"),
    "negative_price_curtail": _("curtailed while prices are negative"),
    "curtail_no_value": _("curtailed: the energy has no value here"),
    "high_price_shed": _("sheds while energy is dear"),
    "normal_production": _("runs as production wants"),
    "catches_up": _("catches up after a call"),
    "cool_more": _("cools more while energy is cheap"),
    "cool_less": _("cools less while energy is dear"),
    "hold_set_point": _("holds its set point"),
    "safe_plan": _("safe plan: no solver delivered in time"),
    "released": _("an earlier setpoint is taken back"),
    "stopped": _("global stop"),
    # why a period is offered as it is (market/bids/domain/explain.py)
    "price_responsive": _("the quantity follows the price"),
    "price_independent": _("the same quantity at every price"),
    "demand_response_window": _("sold as demand response; spot gets the baseline"),
    "baseline_fallback": _("baseline offered: no solver delivered in time"),
    "demand_response_offer": _("firm quantity: plan less the margin of its own P10"),
    "reserve_offer": _("capacity that is kept free at the pack's reserve price"),
    # why a person acted by hand (vpp/staff/forms.py, vpp/portal/forms.py)
    "safety": _("safety of people or equipment"),
    "grid_request": _("request of the grid operator"),
    "owner_request": _("request of the owner"),
    "data_fault": _("faulty data or forecast"),
    "market": _("market situation"),
    "drill": _("drill or test"),
    "repaired": _("the cause is mended"),
    "routine": _("routine, or a period is closed"),
    "production": _("needed for production"),
    "maintenance": _("maintenance"),
    "connection": _("a connection is set up or changed"),
    # why a day was settled again (vpp/daycycle.py, market/settlement/operations/_settle.py)
    "changed_inputs": _("inputs have changed"),
    "new_evidence": _("a later meter reading or price is known"),
}

# Why something was refused, declined or left out.
REFUSALS = {
    # an instruction (market/instructions)
    "unknown_award": _("it cites an award that is not ours"),
    "award_of_another_product": _("its award is of another product"),
    "window_over": _("its window is over"),
    "outside_awarded_window": _("it reaches outside the awarded window"),
    "above_award": _("it asks for more than was awarded, or the other way"),
    "plan_violates_limits": _("no plan inside all limits was found"),
    # an award (market/bids/domain/awards.py, market/bids/operations/_awards.py)
    "period_twice": _("a period stands in it twice"),
    "period_not_offered": _("it has a period that was not offered"),
    "period_missing": _("an offered period is missing in it"),
    "window_broken": _("its window has a hole"),
    "quantity_not_offered": _("it has a quantity that was not offered"),
    "price_below_offer": _("its price is below the offered one"),
    "unknown_bid": _("it cites a bid that we did not send"),
    "other_product_or_day": _("its product or day is not that of the bid"),
    "contradicts_award": _("it contradicts the award that is known"),
    "bid_not_standing": _("the bid does not stand any more"),
    "reference_of_another_bid": _("its reference belongs to another bid"),
    # a bid that waits for a person (market/bids/domain/awards.py)
    "no_automatic_limits": _("the rule pack has no limits for automatic approval"),
    "above_automatic_quantity": _("its quantity is above the automatic limit"),
    "above_automatic_price": _("its price is above the automatic limit"),
    # curves of a bid (market/bids/domain/steps.py, offer.py, risk/check.py)
    "segments": _("the number of its steps is not the market's"),
    "price_limits": _("a price is outside the market's limits"),
    "price_steps": _("a price is no multiple of the market's step"),
    "quantity_steps": _("a quantity is no multiple of the market's step"),
    "prices_rise": _("its prices do not rise from step to step"),
    "quantities_fall": _("its quantities fall from step to step"),
    "falls": _("less is offered at a higher price"),
    "above_certified": _("more is offered than the certified capability"),
    "below_certified": _("more is taken than the certified capability"),
    "reserved_up": _("it uses what is reserved for up regulation"),
    "reserved_down": _("it uses what is reserved for down regulation"),
    "not_a_lot": _("a quantity is no whole lot"),
    "locked": _("it changes a period whose gate has closed"),
    "risk_figures": _("its risk figures do not follow from its scenarios"),
    "shape": _("it does not fit the day's periods"),
    "reserve_lot": _("a reserve is no whole lot, or less than may be offered"),
    "reserve_closed": _("a reserve is offered where none may be"),
    "reserve_not_held": _("a reserve is offered that no storage holds"),
    "sold_twice_up": _("upward energy, demand response and reserve together exceed the certified capability"),
    "sold_twice_down": _("downward energy, demand response and reserve together exceed the certified capability"),
    "reserve_not_held_by_plan": _("no plan of every single asset keeps it free"),
    "no_solution": _("no solution in time"),
    # an invitation (market/bids/operations/_prepare.py); a limit may stand there as well
    "window_not_possible": _("its window is not possible under the rules"),
    "certificate_missing": _("the rules ask for a capability certificate and none is valid"),
    # evidence of a settlement (market/settlement/domain/day.py)
    "reading missing": _("meter reading missing"),
    "baseline unavailable": _("no baseline: too few usable days"),
    # what a reader of a settlement should know (market/settlement/queries/_inputs.py)
    "no_day_ahead_trade": _("nothing was sold day-ahead"),
    "award_price_differs_from_published": _("the award's prices differ from the published ones"),
    "green_not_matched": _("green power is not matched yet"),
    # delivery to a platform or gateway
    "gone": _("the endpoint says that it is gone"),
    "failing": _("it has failed for too long"),
    "no answer in time": _("no answer in time"),
    "not acknowledged in time": _("not acknowledged in time"),
    "the gateway has no endpoint or no credentials": _("the gateway has no endpoint or no credentials"),
    "ConnectionError": _("no connection"),
    "Timeout": _("no answer in time"),
    # named errors that an instruction or an invitation can end in
    "dispatch.stop_active": _("the global stop is active"),
    "dispatch.problem_refused": _("no plan can be computed from what is known"),
    "forecasts.portfolio_empty": _("the portfolio has no asset on that day"),
    "bid.forecast_missing": _("there is no complete forecast"),
    "bid.after_gate_closure": _("the gate had closed"),
    "bid.no_platform": _("the portfolio has no platform"),
    "bid.portfolio_too_small": _("the portfolio can move less than the market takes"),
    "bid.price_history_missing": _("no complete price curve is known"),
    "bid.day_ahead_prices_missing": _("the day-ahead prices are not complete"),
    "bid.certificate_missing": _("the rules ask for a capability certificate and none is valid"),
    "rules.no_rule_pack": _("no rule pack is valid"),
    "rules.figure_unknown": _("the rule pack lacks a figure"),
    "rules.bands_not_aligned": _("the tariff bands do not fit the periods"),
    "rules.unknown_tariff_class": _("the rule pack lacks the tariff class"),
    "metering.baseline_unavailable": _("there is no baseline"),
    "periods.outside_grid": _("it lies outside the day's periods"),
    "not_found": _("it is not known here"),
}

# How far a rule pack's figures can be relied on.
RELIABILITIES = {
    "official": _("official text"),
    "reported": _("reported, needs confirmation"),
    "unconfirmed": _("needs confirmation"),
    "synthetic": _("synthetic"),
}

# Sections of a rule pack (market/rules/domain/_pack.py).
PACK_SECTIONS = {
    "bands": _("time-of-use bands"),
    "multipliers": _("band multipliers"),
    "tariff": _("tariff levels"),
    "spot": _("spot market"),
    "demand_response": _("demand response"),
    "reserve": _("reserve"),
    "baseline": _("baseline"),
    "green": _("green power"),
    "hours": _("hours of the day's steps"),
    "approval": _("automatic approval"),
}

# How a baseline was made, and why a day is none of its examples (aggregator/metering/domain).
BASELINES = {
    "last_days": _("mean of the last days of this type"),
    "highest_of": _("mean of the days with the most consumption"),
    "similar_days": _("mean of the days of like energy"),
    "none": _("without adjustment"),
    "ratio": _("scaled by the hours before the event"),
    "additive": _("shifted by the hours before the event"),
    "nobody_notified_yet": _("not adjusted: nobody is called yet"),
    "same_day_not_metered": _("not adjusted: the day was not metered in time"),
    "notified_before_the_window": _("not adjusted: notified before the hours that would count"),
    "baseline_too_small_to_scale": _("not adjusted: too small to scale"),
    "working": _("working day"),
    "weekend": _("weekend"),
    "holiday": _("holiday"),
    "coverage": _("meter readings incomplete"),
    "event_day": _("day with an event"),
    "outage": _("outage"),
    "lower_consumption": _("consumption too low to count"),
    "unlike_energy": _("energy too far off the mean"),
    "metering.baseline_unavailable": _("no baseline: too few usable days"),
}

# What a person did by hand (support.audit).
ACTIONS = {
    "dispatch.stop": _("global stop"),
    "dispatch.release_stop": _("global stop released"),
    "bid.approve": _("bid approved"),
    "bid.withdraw": _("bid withdrawn"),
    "settlement.finalise": _("settlement made final"),
    "message.reprocess": _("message worked again"),
    "message.retry": _("message sent again"),
    "gateway.connect": _("gateway connected"),
    "platform.connect": _("platform connected"),
    "platform.rotate_secret": _("platform secret rotated"),
    "platform.resume_sending": _("delivery to the platform switched on again"),
    "alarm.acknowledge": _("alarm acknowledged"),
    "asset.opt_out": _("asset kept out by its owner"),
    "asset.opt_in": _("asset offered again by its owner"),
}

# Steps of the day that can wait (vpp/daycycle.py).
STEPS = {
    "prepare": _("bid"),
    "schedule": _("day schedule"),
    "settle": _("settlement"),
    "forecast": _("forecast"),
    "score": _("score of the forecast"),
    "rules": _("rule pack"),
    "missed": _("gate closure"),
}

LIMITS = {
    "": "",
    "charge_power": _("charging power"),
    "discharge_power": _("discharging power"),
    "soc_floor": _("lowest state of charge"),
    "soc_ceiling": _("highest state of charge"),
    "plugged_power": _("power of the plugged cars"),
    "departure_need": _("energy needed at departure"),
    "available_power": _("available power"),
    "must_run": _("must-run power"),
    "call_limits": _("calls per day or length of a call"),
    "comfort_warm": _("warm edge of the comfort band"),
    "comfort_cold": _("cold edge of the comfort band"),
    "cooling_power": _("power of the air conditioning"),
    "site_import_limit": _("import limit of the site"),
    "site_export_limit": _("export limit of the site"),
    "site_limit_relaxed": _("a site limit had to give way"),
    "import_limit": _("import limit of a site"),
    "export_limit": _("export limit of a site"),
    "energy_limit": _("energy of a store"),
    "power_limit": _("power of an asset"),
    # what bound a plan as a whole (aggregator/dispatch/domain/fleet/limits.py)
    "demand_peak": _("charged peak of the site"),
    "export_share": _("share of its own generation that a site may export"),
    "group_import_limit": _("import limit of a transformer or group"),
    "group_export_limit": _("export limit of a transformer or group"),
    "promise": _("what the portfolio has promised"),
    "reserve": _("reserve that is sold"),
    # what bound a demand-response offer (market/bids/domain/firm.py, honest.py)
    "invitation_maximum": _("the most that the invitation takes"),
    "certificate": _("capability certificate"),
    "firm_envelope": _("what can be moved for sure"),
    "forecast_margin": _("the plan less the margin of its own P10"),
    "market_minimum": _("less than the market takes"),
    "no_solution": _("no solution in time"),
    "price_cap": _("its cost is above the price cap"),
}

# What a plan could not rely on (aggregator/dispatch/operations/_members.py).
NOTES = {
    "envelope_degraded": _("forecast from substitute data"),
    "envelope_stale": _("its last values are too old: planned as it is"),
    "envelope_missing": _("no forecast of what can be moved: planned as it is"),
    "envelope_unavailable": _("out of order: planned as it is"),
    "excluded": _("left out: it did not follow"),
    "outage": _("out of order, or kept out by its owner"),
    "no_gateway": _("no gateway: planned as it is"),
    "soc_assumed": _("state of charge not known: assumed"),
    "soc_stale": _("state of charge is old"),
    "soc_unknown": _("temperature of the room not known: planned as it is"),
    "car_missing": _("the booked car has not come"),
    # of a Pareto report (aggregator/dispatch/domain/pareto.py)
    "carbon_left_out": _("no emission factor of the grid is known: carbon is left out"),
    "no_generation": _("the park generates nothing: its own use is left out"),
    "end_missing": _("the far end was not found: the last plan on this way is not the best possible"),
    "few_points": _("the day has fewer trade-offs than were asked for"),
    "dominated": _("another plan is better in everything"),
    "violations": _("breaks a limit in the independent check"),
    "fallback": _("no solver delivered"),
}

# What a forecast could not rely on (aggregator/forecasts/domain).
FORECAST_NOTES = {
    "no_history": _("never heard: no forecast, nothing is taken to be movable"),
    "not_computable": _("too little is known: no forecast, nothing is taken to be movable"),
    "stale": _("nothing heard for two days: forecast kept, nothing is taken to be movable"),
    "without_weather": _("the weather forecast does not cover the day: made without it"),
    "short_history": _("less than a week to learn from: the usual day is taken"),
    "wide_band": _("too few past errors: the band is all that is physically possible"),
    "no_recent_value": _("no value of the last hour: not corrected by it"),
    "power_from_sessions": _("no power telemetry: its charging sessions tell it"),
    "few_sessions": _("too few charging sessions: nothing is taken to be movable for sure"),
    "stale_state": _("state of charge or temperature too old: nothing is taken to be movable"),
    "no_weather": _("no forecast of the outdoor temperature: nothing is taken to be movable"),
    "bookings_missed": _("too many booked cars did not come: nothing is taken to be movable for sure"),
    "declared_state": _("never heard: the declared state of charge is taken, nothing is movable for sure"),
}

# How good a forecast is (aggregator/forecasts/domain); the last three say why nothing can be moved.
QUALITIES = {
    "good": _("good"),
    "degraded": _("from substitute data"),
    "stale": _("from old values"),
    "missing": _("no forecast"),
    "unavailable": _("not known"),
    "opt_out": _("kept out by its owner"),
    "reserved": _("promised elsewhere"),
    "outage": _("out of order"),
}

# Why a score has no figure (aggregator/forecasts/domain/_scores.py, operations/_score.py).
SCORE_GAPS = {
    "no_assets": _("no asset of this kind"),
    "no_actual": _("nothing was measured that we had left alone"),
    "no_forecast": _("too few periods with a forecast and a measurement"),
    "reference_is_zero": _("nothing was consumed: there is nothing to divide by"),
    "no_persistence": _("no value of an earlier day to compare with"),
    "no_band": _("too few periods with a band"),
    "members_moved": _("too many members were moved by us"),
    "follows_schedule": _("follows our schedule: not scored"),
}

# How long before a period a forecast was issued (aggregator/forecasts/queries/_accuracy.py).
LEADS = {
    "quarter": _("up to 15 min ahead"),
    "hour": _("up to 1 h ahead"),
    "four_hours": _("up to 4 h ahead"),
    "later": _("more than 4 h ahead"),
    "day_ahead": _("day-ahead"),
}

# Why a period teaches a forecast nothing (aggregator/assets/models.py).
NOT_LEARNED = {
    "intervened": _("moved by us"),
    "event_day": _("event day"),
    "outage": _("out of order"),
}

# How an instruction is split (aggregator/dispatch/domain/split, instruction): the declared rule, and the way it was computed.
RULES = {
    "cost": _("by cost"),
    "pro_rata": _("pro rata"),
    "rotation": _("in turn"),
    "floor": _("least shares, then by cost"),
}
METHODS = {
    "window": _("one model of the whole window"),
    "curves": _("supply curves of the enterprises"),
    "periods": _("period by period"),
    "joint": _("with the schedule of all periods"),
    "water": _("water-filling"),
    "merit": _("merit order"),
}

# What a plan of a Pareto report aims at, and the axes that it is weighed on.
AXES = {
    "money": _("money"),
    "carbon": _("carbon"),
    "self_consumption": _("use of own generation"),
    "between": _("in between"),
}

# How the scenarios of a bid came about (market/bids/domain/availability.py), and which path of the forecast one takes.
AVAILABILITIES = {
    "joint_days": _("each price day with generation and load of the same day, mapped on the forecast"),
    "crossed_days": _("price days without own data take generation and load of other days, mapped on the forecast"),
    "quantile_paths": _("no history: P10, mean and P90 of the forecast, each with every price day"),
    "": "",
    "p10": _("P10 of the forecast"),
    "mean": _("mean of the forecast"),
    "p90": _("P90 of the forecast"),
}

# Stages of an optimisation (aggregator/dispatch/domain/fleet).
STAGES = {
    "build": _("write down the model"),
    "solve": _("solve the model"),
    "aggregate": _("sum up the assets"),
    "market": _("programme of the portfolio"),
    "sites": _("programmes of the enterprises"),
    "guided": _("guided sweeps over the assets"),
    "true": _("true sweeps over the assets"),
    "certificate": _("lower bound"),
    "polish": _("smaller gap in the time that is left"),
    "cost": _("cost of the plan and of the safe plan"),
    "check": _("independent check"),
    "split": _("split of the instruction"),
    "after": _("rest of the periods, after the instruction"),
}

# What the independent check of a plan may find (aggregator/dispatch/domain/checker.py).
VIOLATIONS = {
    "no_facts": _("nothing is known of the asset"),
    "shape": _("the plan has the wrong number of periods"),
    "not_movable": _("moves an asset that may not be moved"),
    "no_state_of_charge": _("state of charge not known"),
    "discharge_power": _("above the discharging power"),
    "charge_power": _("above the charging power"),
    "soc_floor": _("below the lowest state of charge"),
    "soc_ceiling": _("above the highest state of charge"),
    "no_feed_in": _("a charging station does not feed in"),
    "station_power": _("above the power of the station"),
    "plugged_power": _("above the power of the plugged cars"),
    "departure_need": _("cars leave without the energy they need"),
    "more_than_needed": _("cars get more than they need"),
    "available_power": _("above the available power"),
    "curtailment": _("curtailed more than allowed"),
    "natural_load": _("above the load there is"),
    "must_run": _("below the must-run power"),
    "sheddable": _("more is shed than may be"),
    "shed_without_call": _("shed without a call"),
    "call_length": _("a call is too long"),
    "notice": _("a call comes without its notice"),
    "all_or_nothing": _("shed in part what is shed whole or not at all"),
    "calls_per_day": _("too many calls on one day"),
    "power": _("outside the power of the asset"),
    "energy": _("outside the energy of the asset"),
    "import_limit": _("above the import limit of the site"),
    "export_limit": _("above the export limit of the site"),
    "group_import_limit": _("above the import limit of a transformer or group"),
    "group_export_limit": _("above the export limit of a transformer or group"),
    "export_share": _("exports more of its own generation than is ruled"),
    "site_balance": _("import and export of the site do not add up to its assets"),
    "balance": _("the portfolio is not the sum of its assets"),
    "target": _("planned and shortfall do not add up to the target"),
    "firm_block": _("the promised block is not kept"),
    "rest": _("a call comes before the load has rested"),
    "rebound": _("what a load catches up on after a call is not planned as it comes"),
    "no_injection": _("a consumer does not feed in"),
    "cooling_power": _("above the power of the air conditioning"),
    "comfort_band": _("the room leaves its comfort band"),
    "set_point_at_the_end": _("the room is not given back at its set point"),
    "no_room_temperature": _("temperature of the room not known"),
    "no_car": _("moves a charger without a car"),
    "reserve_power": _("uses power that is held back as reserve"),
    "reserve_energy": _("uses energy that is held back as reserve"),
}

CHECKS = {
    "line_amounts_are_their_periods": _("a line's yuan = the sum of its periods"),
    "line_energies_are_their_periods": _("a line's kWh = the sum of its periods"),
    "gross_is_shares": _("gross = enterprise + operator, line by line"),
    "statements_state_the_shares": _("statements state the enterprises' shares"),
    "market_fen_are_rounded_once": _("the market's amount is rounded once and fully split"),
    "run_market_is_its_lines": _("market total of the run = its lines"),
    "run_enterprises_are_its_lines": _("enterprises' total of the run = its lines"),
    "run_operator_is_its_lines": _("operator's total of the run = its lines"),
    "market_is_enterprises_and_operator": _("market = enterprises + operator"),
    "target_is_baseline_and_order": _("target = baseline + ordered, in every period"),
    "target_is_planned_and_shortfall": _("target = planned injection + shortfall - surplus, in every period"),
    "sites_plan_the_portfolio": _("planned by the sites = planned by the portfolio, in every period"),
    "ordered_is_planned_for": _("settled as ordered = planned for"),
    "sites_were_planned_the_order": _("planned of the sites toward the order = ordered - planned shortfall + planned surplus"),
    "ordered_is_delivered_and_shortfall": _("ordered = delivered + shortfall"),
    "sites_delivered_the_portfolio": _("delivered by the sites = delivered by the portfolio"),
    "sites_credited_the_portfolio": _("credited to the sites = credited to the portfolio"),
    "credited_is_paid": _("credited kWh = paid kWh"),
    "penalised_by_site_and_operator": _("penalised at sites and operator = penalised in all"),
    "penalised_is_charged": _("penalised kWh = charged kWh"),
    "award_is_nominations_and_rest": _("award = nominations of the sites + the operator's rest"),
}

# What happened, and what to do.
ALARMS = {
    "gateway.unreachable": _(
        "Gateway %(gateway)s did not take its setpoints (%(reason)s). Its assets are at their fallback; call the site."
    ),
    "gateway.silent": _("Gateway %(gateway)s has not been heard since %(since)s. What its assets do is unknown; call the site."),
    "price.revised": _("The %(market)s prices of %(day)s were published again with other values. Compare both before they settle."),
    "setpoint.contradicted": _(
        "%(asset)s does not do what it acknowledged: asked: %(asked)s; telemetry shows: %(shown)s. "
        "The rest was dispatched again; have the asset checked."
    ),
    "setpoint.owner_need": _(
        "%(asset)s took more than its limit because its cars need the energy: asked: %(asked)s; telemetry shows: %(shown)s. "
        "Nothing is broken; the rest was dispatched again where an instruction was running."
    ),
    "instruction.underdelivery": _("The portfolio is %(short_kw).1f kW below the instruction. Look for assets that can still move."),
    "plan.refused": _(
        "A plan broke a limit in the independent check and was not sent; the safe plan was sent in its place. Look at the optimisation run."
    ),
    "plan.split_fallback": _(
        "PuLP did not answer for an instruction in time; the exact fast split was sent. Look at the solvers (doctor)."
    ),
    "plan.limit_gave_way": _(
        "No plan keeps an owner's limit of a connection or feeder; the plan says whose limit gave way and by how much. "
        "Look at the plan and talk to the owner."
    ),
    "plan.not_renewed": _("The rolling schedule found no better plan than the one in force, which stays. Look at the solvers (doctor)."),
    "plan.fallback": _("No solver delivered in time: the safe plan is in force. Look at the machine's load and the solvers (doctor)."),
    "plan.violation": _("A plan broke a limit in the independent check and was not sent. Look at the plan before the next one is due."),
    "portfolio.stopped": _("Global stop of portfolio %(portfolio)s. Release it when the reason is gone."),
    "instruction.contradicts": _("The platform sent instruction %(reference)s again with other content. Call the grid operator."),
    "instruction.refused": _("Instruction %(reference)s was refused: %(reason)s. Call the grid operator."),
    "message.conflict": _(
        "Platform %(platform)s sent other content (%(type)s) under a message id that is already known. "
        "Treat it as an attack until explained."
    ),
    "message.expired": _("Message %(type)s %(reference)s to %(platform)s expired before it could be delivered. Call the platform."),
    "message.dead": _("Message %(type)s %(reference)s to %(platform)s could not be delivered. Call the platform, then send it again."),
    "platform.failing": _("Platform %(platform)s does not answer. Messages wait and are tried again."),
    "platform.stopped": _("Delivery to platform %(platform)s is switched off (%(reason)s). Mend the connection, then switch it on again."),
    "bid.missed": _("The %(product)s bid for %(day)s was not submitted before gate closure. The position stays with the operator."),
    "bid.curves_refused": _(
        "The %(product)s bid for %(day)s offers the baseline at every price, for its curves were refused: %(reason)s. "
        "Look at the bid before gate closure."
    ),
    "bid.rejected": _("The platform rejected the %(product)s bid: %(reason)s. Correct it before gate closure."),
    "bid.receipt_refused": _("A receipt cites a bid that we did not send (%(key)s). Call the platform."),
    "award.refused": _("Award %(reference)s does not fit our bid: %(reason)s. Call the platform."),
    "invitation.contradicts": _("The platform sent invitation %(reference)s again with other content. Call the platform."),
    "bid.invitation_not_answered": _("Invitation %(reference)s is not answered: %(reason)s."),
    "bid.needs_approval": _("The %(product)s bid for %(day)s waits for your approval: %(reason)s."),
    "bid.certificate_missing": _(
        "Nothing is bid for %(product)s on %(day)s: the rules ask for a capability certificate and none is valid. Enter a valid one."
    ),
    "bid.reserve_not_offered": _("No reserve is offered for %(day)s: %(reason)s."),
    "daycycle.waiting": _("A step of %(day)s waits for its input (%(step)s). Look at prices, forecasts and meter readings."),
    "job.dead": _("Job %(job)s was given up: %(error)s. Mend the cause, then run it again."),
}

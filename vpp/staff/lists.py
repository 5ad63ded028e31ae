"""Which choices stand above each list of the control room, and what its export holds."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from aggregator.dispatch.domain import STATUSES
from aggregator.dispatch.models import PURPOSES, RUN_MODES, RUN_PURPOSES
from aggregator.support.models import SEVERITIES, Alarm
from market.bids.models import BID, PRODUCTS
from market.instructions.models import INSTRUCTION
from market.settlement.models import RUN
from vpp.charting import wall
from vpp.tables import Choice, Column, equal
from vpp.templatetags.vpp import alarm_text, state_text


def _states(codes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((code, state_text(code)) for code in codes)


def instruction_choices() -> list[Choice]:
    return [Choice("state", _("State"), _states(INSTRUCTION.states), equal("state"))]


INSTRUCTION_COLUMNS = [
    Column("reference", lambda row: row.reference),
    Column("platform", lambda row: row.platform.code),
    Column("starts_at", lambda row: wall(row.starts_at)),
    Column("ends_at", lambda row: wall(row.ends_at)),
    Column("injection_change_kw", lambda row: row.injection_change_kw),
    Column("state", lambda row: row.state),
    Column("state_reason", lambda row: row.state_reason),
    Column("award", lambda row: row.award.reference),
]


def bid_choices() -> list[Choice]:
    return [
        Choice("product", _("Product"), _states(PRODUCTS), equal("product")),
        Choice("state", _("State"), _states(BID.states), equal("state")),
    ]


BID_COLUMNS = [
    Column("delivery_day", lambda row: row.delivery_day.isoformat()),
    Column("product", lambda row: row.product),
    Column("platform", lambda row: row.platform.code),
    Column("gate_closes_at", lambda row: wall(row.gate_closes_at)),
    Column("state", lambda row: row.state),
    Column("state_reason", lambda row: row.state_reason),
    Column("solver_status", lambda row: row.solver_status),
    Column("expected_value_cny", lambda row: row.expected_value_cny),
]


def _in_state(rows: QuerySet[Alarm], state: str) -> QuerySet[Alarm]:
    if state == "cleared":
        return rows.filter(cleared_at__isnull=False)
    return rows.filter(cleared_at=None, acknowledged_at__isnull=state == "open")


def alarm_choices() -> list[Choice]:
    states = (("open", _("open")), ("acknowledged", _("acknowledged")), ("cleared", _("over")))
    return [
        Choice("state", _("State"), states, _in_state),
        Choice("severity", _("Severity"), _states(SEVERITIES), equal("severity")),
    ]


ALARM_COLUMNS = [
    Column("raised_at", lambda row: wall(row.raised_at)),
    Column("severity", lambda row: row.severity),
    Column("kind", lambda row: row.kind),
    Column("text", alarm_text),
    Column("enterprise", lambda row: row.enterprise_code),
    Column("acknowledged_at", lambda row: row.acknowledged_at and wall(row.acknowledged_at)),
    Column("acknowledged_by", lambda row: row.acknowledged_by and row.acknowledged_by.get_username()),
    Column("cleared_at", lambda row: row.cleared_at and wall(row.cleared_at)),
]


def award_choices() -> list[Choice]:
    return [Choice("product", _("Product"), _states(PRODUCTS), equal("bid__product"))]


AWARD_COLUMNS = [
    Column("reference", lambda row: row.reference),
    Column("delivery_day", lambda row: row.bid.delivery_day.isoformat()),
    Column("product", lambda row: row.bid.product),
    Column("platform", lambda row: row.platform.code),
    Column("state", lambda row: row.bid.state),
]


def settlement_choices() -> list[Choice]:
    return [Choice("state", _("State"), _states(RUN.states), equal("state"))]


SETTLEMENT_COLUMNS = [
    Column("delivery_day", lambda row: row.delivery_day.isoformat()),
    Column("version", lambda row: row.version),
    Column("state", lambda row: row.state),
    Column("market_total_fen", lambda row: row.market_total_fen),
    Column("enterprises_total_fen", lambda row: row.enterprises_total_fen),
    Column("operator_total_fen", lambda row: row.operator_total_fen),
    Column("as_of", lambda row: wall(row.as_of)),
    Column("reason", lambda row: row.reason),
    Column("rule_pack", lambda row: row.rule_pack),
]

LINE_COLUMNS = [
    Column("contract", lambda line: line.contract.number if line.contract else ""),
    Column("enterprise", lambda line: line.contract.enterprise.code if line.contract else ""),
    Column("component", lambda line: line.component),
    Column("quantity_kwh", lambda line: line.quantity_kwh),
    Column("gross_fen", lambda line: line.gross_fen),
    Column("operator_fen", lambda line: line.operator_fen),
    Column("enterprise_fen", lambda line: line.enterprise_fen),
]


def plan_choices() -> list[Choice]:
    return [
        Choice("purpose", _("Purpose"), _states(PURPOSES), equal("purpose")),
        Choice("status", _("Solver"), _states(STATUSES), equal("solver_status")),
    ]


PLAN_COLUMNS = [
    Column("sequence", lambda row: row.sequence),
    Column("purpose", lambda row: row.purpose),
    Column("issued_at", lambda row: wall(row.issued_at)),
    Column("starts_at", lambda row: wall(row.starts_at)),
    Column("n_periods", lambda row: row.n_periods),
    Column("solver_status", lambda row: row.solver_status),
    Column("objective_cny", lambda row: row.objective_cny),
    Column("relaxed_limits", lambda row: len(row.relaxed_limits)),
    Column("violations", lambda row: len(row.violations)),
]


def run_choices() -> list[Choice]:
    return [
        Choice("purpose", _("Purpose"), _states(RUN_PURPOSES), equal("purpose")),
        Choice("mode", _("Mode"), _states(RUN_MODES), equal("mode")),
        Choice("status", _("Result"), _states(STATUSES), equal("status")),
    ]


RUN_COLUMNS = [
    Column("public_id", lambda row: row.public_id),
    Column("purpose", lambda row: row.purpose),
    Column("computed_at", lambda row: wall(row.computed_at)),
    Column("starts_at", lambda row: wall(row.starts_at)),
    Column("n_periods", lambda row: row.n_periods),
    Column("mode", lambda row: row.mode),
    Column("status", lambda row: row.status),
    Column("n_assets", lambda row: row.n_assets),
    Column("n_sites", lambda row: row.n_sites),
    Column("cost_cny", lambda row: row.cost_cny),
    Column("lower_bound_cny", lambda row: row.lower_bound_cny),
    Column("safe_cost_cny", lambda row: row.safe_cost_cny),
    Column("wall_seconds", lambda row: sum(row.stages.values()) if row.stages else None),
    Column("violations", lambda row: row.violations),
    Column("inputs_hash", lambda row: row.inputs_hash),
]

PARETO_COLUMNS = [
    Column("day", lambda row: row.day.isoformat()),
    Column("computed_at", lambda row: wall(row.computed_at)),
    Column("points", lambda row: len(row.points)),
    Column("factor_source", lambda row: row.factor_source),
    Column("seconds", lambda row: row.seconds),
    Column("inputs_hash", lambda row: row.inputs_hash),
]

"""Which choices stand above each list of the control room, and what its export holds."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from aggregator.support.models import SEVERITIES, Alarm
from market.bids.models import BID, PRODUCTS
from market.instructions.models import INSTRUCTION
from market.settlement.models import RUN
from vpp.charting import wall
from vpp.tables import Choice, Column
from vpp.templatetags.vpp import alarm_text, state_text


def _states(codes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((code, state_text(code)) for code in codes)


def instruction_choices() -> list[Choice]:
    return [Choice("state", _("State"), "state", _states(INSTRUCTION.states))]


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
    return [Choice("product", _("Product"), "product", _states(PRODUCTS)), Choice("state", _("State"), "state", _states(BID.states))]


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

ALARM_STATES = ("open", "acknowledged", "cleared")


def alarms(state: str) -> QuerySet[Alarm]:
    """Alarms in one of ALARM_STATES; all for anything else."""
    rows = Alarm.objects.select_related("acknowledged_by")
    if state == "open":
        return rows.filter(cleared_at=None, acknowledged_at=None)
    if state == "acknowledged":
        return rows.filter(cleared_at=None, acknowledged_at__isnull=False)
    return rows.filter(cleared_at__isnull=False) if state == "cleared" else rows


def alarm_choices() -> list[Choice]:
    return [Choice("severity", _("Severity"), "severity", _states(SEVERITIES))]


def alarm_states() -> list[tuple[str, str]]:
    return [("open", _("open")), ("acknowledged", _("acknowledged")), ("cleared", _("over"))]


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
    return [Choice("product", _("Product"), "bid__product", _states(PRODUCTS))]


AWARD_COLUMNS = [
    Column("reference", lambda row: row.reference),
    Column("delivery_day", lambda row: row.bid.delivery_day.isoformat()),
    Column("product", lambda row: row.bid.product),
    Column("platform", lambda row: row.platform.code),
    Column("state", lambda row: row.bid.state),
]


def settlement_choices() -> list[Choice]:
    return [Choice("state", _("State"), "state", _states(RUN.states))]


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

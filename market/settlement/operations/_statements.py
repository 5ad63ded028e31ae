"""Statements of a run: originals first, corrections later, never an edited line."""

from datetime import datetime

from django.db import transaction

from aggregator.assets.models import Portfolio
from aggregator.enterprises.models import AgencyContract
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.kernel.quantities import kwh_from_wh, wh_from_kwh
from market.settlement.domain import StatementPart, corrected
from market.settlement.models import SettlementLine, SettlementRun, Statement, StatementLine


class RunSuperseded(Anticipated):
    code = "settlement.run_superseded"
    text = "Version %(version)s of %(day)s is superseded: no statement is issued from it."
    status = 409


def issue_statements(*, run_id: int, now: datetime) -> list[Statement]:
    """One statement per contract of the run; issuing again returns the same ones.

    Raises NotFound, RunSuperseded.
    """
    with transaction.atomic():
        run = SettlementRun.objects.filter(pk=run_id).first()
        if run is None:
            raise NotFound(what="settlement run")
        Portfolio.objects.select_for_update().get(pk=run.portfolio_id)
        issued = list(Statement.objects.filter(run=run).order_by("contract__number"))
        if issued:
            return issued
        run.refresh_from_db()
        if run.state == "superseded":
            raise RunSuperseded(version=run.version, day=run.delivery_day.isoformat())
        previous = _previous(run)
        mine = set(run.lines.exclude(contract=None).values_list("contract_id", flat=True))
        contracts = AgencyContract.objects.filter(pk__in=mine | set(previous)).order_by("number")
        return [_issue(run, contract, previous.get(contract.pk), now) for contract in contracts]


def _previous(run: SettlementRun) -> dict[int, Statement]:
    """The newest statement of each contract from an earlier version of this day."""
    rows = Statement.objects.filter(
        run__portfolio_id=run.portfolio_id, run__delivery_day=run.delivery_day, run__version__lt=run.version
    ).select_related("run")
    return {statement.contract_id: statement for statement in rows.order_by("run__version")}


def _issue(run: SettlementRun, contract: AgencyContract, replaced: Statement | None, now: datetime) -> Statement:
    lines = SettlementLine.objects.filter(run=run, contract=contract)
    figures = {line.component: (wh_from_kwh(line.quantity_kwh), line.gross_fen, line.operator_fen) for line in lines}
    earlier = [_part(line) for line in replaced.lines.order_by("number")] if replaced else []
    version = replaced.run.version if replaced else None
    parts = corrected(earlier=earlier, now=figures, version=version, reason=run.reason)
    statement = Statement.objects.create(
        run=run,
        enterprise_id=contract.enterprise_id,
        contract=contract,
        total_fen=sum(part.amount_fen for part in parts),
        issued_at=now,
        replaces=replaced,
    )
    StatementLine.objects.bulk_create(
        StatementLine(
            statement=statement,
            number=number,
            component=part.component,
            quantity_kwh=kwh_from_wh(part.wh),
            gross_fen=part.gross_fen,
            operator_fen=part.operator_fen,
            amount_fen=part.amount_fen,
            correction_of_version=part.correction_of_version,
            reason=part.reason,
        )
        for number, part in enumerate(parts, start=1)
    )
    return statement


def _part(line: StatementLine) -> StatementPart:
    wh = wh_from_kwh(line.quantity_kwh)
    return StatementPart(line.component, wh, line.gross_fen, line.operator_fen, line.correction_of_version, line.reason)

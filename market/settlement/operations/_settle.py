"""Settle one day: gather, compute, and write a new version only where something changed."""

from contextlib import suppress
from datetime import date, datetime

from django.db import transaction

from aggregator.assets.models import Portfolio
from aggregator.assets.queries import portfolio
from aggregator.kernel.quantities import kwh_from_wh
from aggregator.support.transitions import compare_and_set
from market.green.operations import NothingToMatch, match_day
from market.settlement.domain import CNY_EXACT, OPERATOR, DaySettlement, Line, Totals, assemble, settle
from market.settlement.models import RUN, SettlementLine, SettlementRun
from market.settlement.operations._evidence import delivery_evidence, unverified_rows
from market.settlement.operations._statements import issue_statements
from market.settlement.queries import Gathered, gather, revision_reasons

CHANGED = "changed_inputs"  # reason code where nobody gave one


def settle_day(*, portfolio_id: int, day: date, as_of: datetime, reason: str = "") -> SettlementRun:
    """Settle the day as it was known at `as_of`; the same inputs give the newest run again.

    Other inputs give the next version, and a provisional predecessor becomes superseded; a final one stays.
    Without `reason` a later version says what the senders of revised readings gave as theirs.
    Raises what gather() raises: nothing is settled on missing prices, readings, nominations or figures.
    """
    gathered = gather(portfolio_id=portfolio_id, day=day, as_of=as_of)
    newest = _newest(portfolio_id, day)
    if newest is not None and newest.inputs_hash == gathered.inputs_hash:
        return newest
    result = settle(gathered.inputs)
    ratios = {number: terms.operator_ratio for number, terms in gathered.contracts.items()}
    totals = assemble(entries=result.entries, operator_ratio=ratios)
    if newest is not None and not reason:
        ids = [site.site_id for site in gathered.sites.values()]
        reason = revision_reasons(site_ids=ids, day=day, as_of=as_of)[:200] or CHANGED
    return _write(gathered, result, totals, as_of=as_of, reason=reason)


def close_day(*, portfolio_id: int, day: date, as_of: datetime, reason: str, now: datetime) -> SettlementRun:
    """Everything that follows from the meters, in one go: green matching, settlement, statements.

    May run twice: unchanged inputs change nothing.
    """
    with suppress(NothingToMatch):  # the settlement itself says which readings it lacks
        match_day(park_id=portfolio(portfolio_id=portfolio_id).park_id, day=day, as_of=as_of)
    run = settle_day(portfolio_id=portfolio_id, day=day, as_of=as_of, reason=reason)
    issue_statements(run_id=run.pk, now=now)
    return run


def _newest(portfolio_id: int, day: date) -> SettlementRun | None:
    return SettlementRun.objects.filter(portfolio_id=portfolio_id, delivery_day=day).order_by("-version").first()


def _write(gathered: Gathered, result: DaySettlement, totals: Totals, *, as_of: datetime, reason: str) -> SettlementRun:
    with transaction.atomic():
        Portfolio.objects.select_for_update().get(pk=gathered.portfolio.id)  # one settlement of a portfolio at a time
        newest = _newest(gathered.portfolio.id, gathered.day)
        if newest is not None and newest.inputs_hash == gathered.inputs_hash:
            return newest
        run = SettlementRun.objects.create(
            portfolio_id=gathered.portfolio.id,
            delivery_day=gathered.day,
            version=newest.version + 1 if newest else 1,
            as_of=as_of,
            reason=reason,
            rule_pack=gathered.pack.label,
            inputs_hash=gathered.inputs_hash,
            market_total_fen=totals.market_fen,
            enterprises_total_fen=totals.enterprises_fen,
            operator_total_fen=totals.operator_fen,
            unverified=unverified_rows(gathered, result),
            delivery=delivery_evidence(gathered, result),
        )
        SettlementLine.objects.bulk_create(_line(run, gathered, line) for line in totals.lines)
        if newest is not None and newest.state == "provisional":
            compare_and_set(newest, RUN, "superseded")
    return run


def _line(run: SettlementRun, gathered: Gathered, line: Line) -> SettlementLine:
    starts = gathered.grid.starts
    return SettlementLine(
        run=run,
        contract_id=None if line.contract == OPERATOR else gathered.contracts[line.contract].id,
        component=line.component,
        quantity_kwh=kwh_from_wh(line.wh),
        amount_cny=line.amount_cny.quantize(CNY_EXACT),
        gross_fen=line.gross_fen,
        enterprise_fen=line.enterprise_fen,
        operator_fen=line.operator_fen,
        periods=[[starts[p.index].isoformat(), str(kwh_from_wh(p.wh)), str(p.price_cny_per_mwh), str(p.amount_cny)] for p in line.periods],
    )

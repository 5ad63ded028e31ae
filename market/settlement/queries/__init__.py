"""Read: a day's inputs, statements for who may see them, and the trace of an award."""

from market.settlement.queries._inputs import (
    Gathered,
    NominationMissing,
    PricesMissing,
    ReadingsMissing,
    ResolutionsDiffer,
    SiteWithoutContract,
    contract_curves,
    gather,
    payment_rule,
    site_key,
)
from market.settlement.queries._metered import revision_reasons
from market.settlement.queries._statements import StatementFacts, StatementLineFacts, StatementPage, statement, statements
from market.settlement.queries._trace import trace
from market.settlement.queries._trace_types import Check, Trace

__all__ = [
    "Check",
    "Gathered",
    "NominationMissing",
    "PricesMissing",
    "ReadingsMissing",
    "ResolutionsDiffer",
    "SiteWithoutContract",
    "StatementFacts",
    "StatementLineFacts",
    "StatementPage",
    "Trace",
    "contract_curves",
    "gather",
    "payment_rule",
    "revision_reasons",
    "site_key",
    "statement",
    "statements",
    "trace",
]

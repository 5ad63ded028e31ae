"""What certificates allow each product of a day, and what is said where one is missing."""

from datetime import datetime

from aggregator.assets.queries import certificates_of, members_on
from aggregator.kernel.errors import Anticipated
from aggregator.support.alarms import raise_alarm
from market.bids.domain import Capability, capability, certificate_required
from market.bids.models import PRODUCTS
from market.bids.operations._planning import PlanningDay


class CertificateMissing(Anticipated):
    code = "bid.certificate_missing"
    text = "The rules ask for a capability certificate for %(product)s, and none is valid on %(day)s."
    status = 409


def capabilities(plan: PlanningDay) -> dict[str, Capability]:
    """Per product what certificates that are valid on the delivery day allow."""
    members = members_on(portfolio_id=plan.portfolio.id, day=plan.day)
    rated_kw = {member.asset_id: float(member.spec.rated_kw) for member in members}
    known = certificates_of(portfolio_id=plan.portfolio.id, asset_ids=list(rated_kw))
    return {
        product: capability(known, day=plan.day, rated_kw=rated_kw, required=certificate_required(plan.pack, product))
        for product in PRODUCTS
    }


def alarm_missing(plan: PlanningDay, product: str, *, at: datetime) -> None:
    """One alarm per portfolio, day and product that is not offered for lack of a certificate."""
    day = plan.day.isoformat()
    raise_alarm(
        kind=CertificateMissing.code, key=f"{plan.portfolio.id}/{day}/{product}", severity="critical", at=at, product=product, day=day
    )

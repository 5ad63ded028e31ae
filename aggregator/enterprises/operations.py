"""Register parks, enterprises and sites; sign contracts; give people their roles."""

from datetime import date
from typing import Any

from django.db import transaction

from aggregator.enterprises.domain import Term, operator_ratios
from aggregator.enterprises.models import AgencyContract, Enterprise, Membership, Park, Site
from aggregator.kernel.errors import Anticipated


class ContractsOverlap(Anticipated):
    code = "enterprises.contracts_overlap"
    text = "The contract %(number)s overlaps the contract %(other)s of the same enterprise (%(valid_from)s to %(valid_to)s)."
    status = 409


class ContractDatesRefused(Anticipated):
    code = "enterprises.contract_dates_refused"
    text = "The contract %(number)s ends on %(valid_to)s, which is not after its start on %(valid_from)s."
    status = 422


class ContractOfAnother(Anticipated):
    code = "enterprises.contract_of_another"
    text = "The contract number %(number)s belongs to the enterprise %(enterprise)s."
    status = 409


def register_park(*, code: str, **values: Any) -> int:
    """Create the park or bring its facts up to date. Returns its id."""
    row, _ = Park.objects.update_or_create(code=code, defaults=values)
    return row.pk


def register_enterprise(*, park_id: int, code: str, name_zh: str, name_en: str) -> int:
    """Create the enterprise or bring its names up to date. Returns its id."""
    row, _ = Enterprise.objects.update_or_create(park_id=park_id, code=code, defaults={"name_zh": name_zh, "name_en": name_en})
    return row.pk


def register_site(
    *,
    enterprise_id: int,
    code: str,
    name_zh: str,
    name_en: str,
    import_limit_kw: float,
    export_limit_kw: float,
    tariff_class: str,
) -> int:
    """Create the site or bring its facts up to date. Returns its id."""
    row, _ = Site.objects.update_or_create(
        enterprise_id=enterprise_id,
        code=code,
        defaults={
            "name_zh": name_zh,
            "name_en": name_en,
            "import_limit_kw": import_limit_kw,
            "export_limit_kw": export_limit_kw,
            "tariff_class": tariff_class,
        },
    )
    return row.pk


@transaction.atomic
def sign_contract(
    *,
    enterprise_id: int,
    number: str,
    valid_from: date,
    valid_to: date,
    share_rule: dict[str, Any],
    contract_curve: dict[str, Any],
) -> int:
    """Create the contract, or bring the one of this number up to date. Returns its id.

    An enterprise is represented under one contract at a time. Raises ContractsOverlap,
    ContractDatesRefused, ContractOfAnother, ShareRuleRefused.
    """
    operator_ratios(share_rule)
    if valid_to <= valid_from:
        raise ContractDatesRefused(number=number, valid_from=valid_from, valid_to=valid_to)
    enterprise = Enterprise.objects.select_for_update().get(pk=enterprise_id)
    signed = AgencyContract.objects.filter(number=number).select_related("enterprise").first()
    if signed is not None and signed.enterprise_id != enterprise_id:
        raise ContractOfAnother(number=number, enterprise=signed.enterprise.code)
    for other in AgencyContract.objects.filter(enterprise=enterprise).exclude(number=number).order_by("number"):
        if Term(valid_from, valid_to).overlaps(Term(other.valid_from, other.valid_to)):
            raise ContractsOverlap(number=number, other=other.number, valid_from=other.valid_from, valid_to=other.valid_to)
    values = {"valid_from": valid_from, "valid_to": valid_to, "share_rule": share_rule, "contract_curve": contract_curve}
    row, _ = AgencyContract.objects.update_or_create(enterprise=enterprise, number=number, defaults=values)
    return row.pk


def grant_membership(*, user_id: int, enterprise_id: int, role: str) -> None:
    """Make the person manager or viewer of the enterprise; saying it again changes the role."""
    Membership.objects.update_or_create(user_id=user_id, enterprise_id=enterprise_id, defaults={"role": role})

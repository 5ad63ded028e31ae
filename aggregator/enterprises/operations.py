"""Register parks, enterprises and sites; sign contracts; give people their roles."""

from datetime import date
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction

from aggregator.enterprises.domain import Term, operator_ratios
from aggregator.enterprises.models import MEMBER_ROLES, STAFF_ROLES, AgencyContract, Enterprise, Feeder, Membership, Park, Site
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


class NameTaken(Anticipated):
    code = "enterprises.name_taken"
    text = "There is a user %(name)s already."
    status = 409


class RoleUnknown(Anticipated):
    code = "enterprises.role_unknown"
    text = "There is no role %(role)s."
    status = 422


class RoleNeedsEnterprise(Anticipated):
    code = "enterprises.role_needs_enterprise"
    text = "The role %(role)s is one at an enterprise: name it with its code."
    status = 422


class RoleIsOfStaff(Anticipated):
    code = "enterprises.role_is_of_staff"
    text = "The role %(role)s is one of the control room and belongs to no enterprise."
    status = 422


class EnterpriseUnclear(Anticipated):
    code = "enterprises.enterprise_unclear"
    text = "%(count)s enterprises have the code %(enterprise)s: name the park as well, or check the code."
    status = 404


class FeederNesting(Anticipated):
    code = "enterprises.feeder_nesting"
    text = "The feeder %(feeder)s cannot hang behind %(parent)s: feeders nest two deep at most, inside one site."
    status = 422


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
    export_share_ratio: float | None = None,
    least_call_ratio: float | None = None,
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
            "export_share_ratio": export_share_ratio,
            "least_call_ratio": least_call_ratio,
        },
    )
    return row.pk


def register_feeder(*, site_id: int, code: str, import_limit_kw: float, export_limit_kw: float, parent_id: int | None = None) -> int:
    """Create the feeder or bring its limits up to date. Returns its id. Raises FeederNesting."""
    parent = None if parent_id is None else Feeder.objects.get(pk=parent_id)
    if parent is not None and (parent.site_id != site_id or parent.parent_id is not None or parent.code == code):
        raise FeederNesting(feeder=code, parent=parent.code)
    values = {"parent": parent, "import_limit_kw": import_limit_kw, "export_limit_kw": export_limit_kw}
    row, _ = Feeder.objects.update_or_create(site_id=site_id, code=code, defaults=values)
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


def grant_staff_role(*, user_id: int, role: str) -> None:
    """Let the person into the control room as operator, settlement or auditor. Raises RoleUnknown."""
    if role not in STAFF_ROLES:
        raise RoleUnknown(role=role)
    user = User.objects.get(pk=user_id)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    User.objects.filter(pk=user_id).update(is_staff=True)


@transaction.atomic
def create_user(*, name: str, password: str, role: str, enterprise: str = "", park: str = "") -> int:
    """A new person with one role: of the control room, or at the enterprise of this code. Returns the user's id.

    Raises NameTaken, RoleUnknown, RoleNeedsEnterprise, RoleIsOfStaff, EnterpriseUnclear.
    """
    if role not in (*STAFF_ROLES, *MEMBER_ROLES):
        raise RoleUnknown(role=role)
    if role in STAFF_ROLES and enterprise:
        raise RoleIsOfStaff(role=role)
    if role in MEMBER_ROLES and not enterprise:
        raise RoleNeedsEnterprise(role=role)
    if User.objects.filter(username=name).exists():
        raise NameTaken(name=name)
    user = User.objects.create_user(name, password=password)
    if role in STAFF_ROLES:
        grant_staff_role(user_id=user.pk, role=role)
    else:
        grant_membership(user_id=user.pk, enterprise_id=_enterprise_of_code(enterprise, park), role=role)
    return user.pk


def _enterprise_of_code(code: str, park: str) -> int:
    rows = Enterprise.objects.filter(code=code)
    found = list((rows.filter(park__code=park) if park else rows).values_list("pk", flat=True))
    if len(found) != 1:
        raise EnterpriseUnclear(count=len(found), enterprise=code)
    return found[0]

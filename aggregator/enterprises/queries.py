"""Who is who, who may see whom, and under which terms we operate."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet

from aggregator.enterprises.domain import ContractTerms, ParkFacts, operator_ratios
from aggregator.enterprises.models import STAFF_ROLES, AgencyContract, Enterprise, Membership, Park, Site
from aggregator.kernel.errors import NotFound


def staff_roles(user: Any) -> frozenset[str]:
    """Control-room roles of a user: the groups operator, settlement, auditor; a superuser has all."""
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return frozenset()
    if user.is_superuser:
        return frozenset(STAFF_ROLES)
    return frozenset(user.groups.filter(name__in=STAFF_ROLES).values_list("name", flat=True))


def require_role(user: Any, *roles: str) -> None:
    """Raises PermissionDenied unless the user has one of these staff roles."""
    if not staff_roles(user) & set(roles):
        raise PermissionDenied


def enterprises_visible_to(user: Any) -> QuerySet[Enterprise]:
    """Staff with a role: all. Others: the enterprises they are members of. Strangers: none."""
    if staff_roles(user):
        return Enterprise.objects.all()
    if not (user.is_authenticated and user.is_active):
        return Enterprise.objects.none()
    return Enterprise.objects.filter(pk__in=Membership.objects.filter(user=user).values("enterprise"))


def enterprise_role(user: Any, *, enterprise_id: int) -> str | None:
    """`manager`, `viewer` or None: the user's membership of one enterprise."""
    if not (user.is_authenticated and user.is_active):
        return None
    return Membership.objects.filter(user=user, enterprise_id=enterprise_id).values_list("role", flat=True).first()


def _park_facts(park: Park) -> ParkFacts:
    return ParkFacts(
        id=park.pk,
        code=park.code,
        name_zh=park.name_zh,
        name_en=park.name_en,
        province=park.province,
        time_zone=park.time_zone,
        latitude=park.latitude,
        longitude=park.longitude,
        resolution_s=park.resolution_s,
        synthetic=park.synthetic,
        notes=tuple(park.notes),
        twin=park.twin,
    )


def park(*, park_id: int | None = None, code: str | None = None) -> ParkFacts:
    """One park by id or by code. Raises NotFound."""
    found = Park.objects.filter(Q(pk=park_id) if park_id is not None else Q(code=code)).first()
    if found is None:
        raise NotFound(what="park")
    return _park_facts(found)


def parks() -> list[ParkFacts]:
    """All parks by code."""
    return [_park_facts(row) for row in Park.objects.order_by("code")]


def contracts_on(*, park_id: int, day: date) -> list[ContractTerms]:
    """Contracts of the park in force on `day`, by number; each covers all sites of its enterprise."""
    sites: dict[int, list[int]] = {}
    rows = Site.objects.filter(enterprise__park_id=park_id).order_by("enterprise__code", "code")
    for enterprise_id, site_id in rows.values_list("enterprise_id", "pk"):
        sites.setdefault(enterprise_id, []).append(site_id)
    contracts = AgencyContract.objects.filter(enterprise__park_id=park_id, valid_from__lte=day, valid_to__gt=day)
    return [
        ContractTerms(
            id=contract.pk,
            number=contract.number,
            enterprise_id=contract.enterprise_id,
            enterprise_code=contract.enterprise.code,
            site_ids=tuple(sites.get(contract.enterprise_id, [])),
            operator_ratio=operator_ratios(contract.share_rule),
            contract_curve=contract.contract_curve,
        )
        for contract in contracts.select_related("enterprise").order_by("number")
    ]

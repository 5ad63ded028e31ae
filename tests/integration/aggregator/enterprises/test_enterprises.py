"""Contracts do not overlap, and nobody sees an enterprise that is not theirs."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied

from aggregator.enterprises import queries
from aggregator.enterprises.operations import (
    ContractDatesRefused,
    ContractOfAnother,
    ContractsOverlap,
    grant_membership,
    register_enterprise,
    register_park,
    register_site,
    sign_contract,
)
from aggregator.kernel.errors import NotFound

pytestmark = pytest.mark.django_db
RULE = {"kind": "fixed_share", "operator_ratio": {"spot": "0.2", "demand_response": "0.25", "green": "0.1"}}


@pytest.fixture
def park_id() -> int:
    return register_park(
        code="p",
        name_zh="园",
        name_en="Park",
        province="liaoning",
        latitude=41.8,
        longitude=123.4,
        synthetic=True,
        manifest_sha256="0" * 64,
    )


@pytest.fixture
def enterprises(park_id) -> dict[str, int]:
    return {code: register_enterprise(park_id=park_id, code=code, name_zh=code, name_en=code) for code in ("a", "b")}


def sign(enterprise_id: int, number: str, first: str, last: str) -> int:
    return sign_contract(
        enterprise_id=enterprise_id,
        number=number,
        valid_from=date.fromisoformat(first),
        valid_to=date.fromisoformat(last),
        share_rule=RULE,
        contract_curve={"method": "typical_day"},
    )


def test_an_enterprise_has_one_contract_at_a_time(enterprises):
    sign(enterprises["a"], "A-1", "2026-01-01", "2027-01-01")
    with pytest.raises(ContractsOverlap, match="A-1"):
        sign(enterprises["a"], "A-2", "2026-12-31", "2027-12-31")
    sign(enterprises["a"], "A-2", "2027-01-01", "2028-01-01")  # the next one begins when the first ends
    sign(enterprises["b"], "B-1", "2026-01-01", "2027-01-01")  # another enterprise is free to


def test_signing_again_changes_nothing_and_a_number_belongs_to_one_enterprise(enterprises):
    first = sign(enterprises["a"], "A-1", "2026-01-01", "2027-01-01")
    assert sign(enterprises["a"], "A-1", "2026-01-01", "2027-01-01") == first
    with pytest.raises(ContractOfAnother):
        sign(enterprises["b"], "A-1", "2028-01-01", "2029-01-01")
    with pytest.raises(ContractDatesRefused):
        sign(enterprises["b"], "B-1", "2028-01-01", "2028-01-01")


def test_contracts_of_a_day_with_all_sites_and_exact_ratios(park_id, enterprises):
    sites = [
        register_site(
            enterprise_id=enterprises["a"],
            code=code,
            name_zh=code,
            name_en=code,
            import_limit_kw=1,
            export_limit_kw=1,
            tariff_class="t",
        )
        for code in ("s2", "s1")
    ]
    sign(enterprises["a"], "A-1", "2026-01-01", "2027-01-01")
    sign(enterprises["a"], "A-2", "2027-01-01", "2028-01-01")
    (terms,) = queries.contracts_on(park_id=park_id, day=date(2026, 12, 31))
    assert (terms.number, terms.enterprise_code, terms.site_ids) == ("A-1", "a", (sites[1], sites[0]))
    assert terms.operator_ratio["demand_response"] == Decimal("0.25")
    assert [t.number for t in queries.contracts_on(park_id=park_id, day=date(2027, 1, 1))] == ["A-2"]
    assert queries.contracts_on(park_id=park_id, day=date(2025, 12, 31)) == []


def test_who_sees_which_enterprise(enterprises):
    member, stranger = User.objects.create_user("member"), User.objects.create_user("stranger")
    grant_membership(user_id=member.pk, enterprise_id=enterprises["a"], role="viewer")
    operator = User.objects.create_user("operator", is_staff=True)
    operator.groups.add(Group.objects.get(name="operator"))
    idle = User.objects.create_user("idle", is_staff=True)  # staff without any role

    def seen(user):
        return sorted(queries.enterprises_visible_to(user).values_list("code", flat=True))

    assert seen(member) == ["a"]
    assert seen(operator) == ["a", "b"]
    assert seen(stranger) == seen(idle) == seen(AnonymousUser()) == []
    assert queries.enterprise_role(member, enterprise_id=enterprises["a"]) == "viewer"
    assert queries.enterprise_role(member, enterprise_id=enterprises["b"]) is None
    member.is_active = False
    assert seen(member) == []


def test_staff_roles():
    auditor = User.objects.create_user("auditor", is_staff=True)
    auditor.groups.add(Group.objects.get(name="auditor"))
    boss = User.objects.create_superuser("boss")
    assert queries.staff_roles(auditor) == {"auditor"}
    assert queries.staff_roles(boss) == {"operator", "settlement", "auditor"}
    queries.require_role(boss, "settlement")
    queries.require_role(auditor, "operator", "auditor")
    for user in (auditor, AnonymousUser()):
        with pytest.raises(PermissionDenied):
            queries.require_role(user, "operator")


def test_a_group_makes_no_staff_of_an_enterprise_user():
    user = User.objects.create_user("sly")
    user.groups.add(Group.objects.get(name="operator"))
    assert queries.staff_roles(user) == frozenset()


def test_parks_by_code(park_id):
    assert queries.park(code="p") == queries.park(park_id=park_id) == queries.parks()[0]
    with pytest.raises(NotFound):
        queries.park(code="elsewhere")

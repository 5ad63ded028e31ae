"""People and their roles from the command line."""

import re
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from aggregator.enterprises.models import MEMBER_ROLES, STAFF_ROLES, Enterprise
from aggregator.enterprises.operations import register_enterprise, register_park
from aggregator.enterprises.queries import enterprise_role, staff_roles

pytestmark = pytest.mark.django_db


@pytest.fixture
def enterprise() -> Enterprise:
    facts = {"name_zh": "园", "name_en": "Park", "province": "liaoning", "latitude": 41.8, "longitude": 123.4}
    for park in ("p", "q"):
        park_id = register_park(code=park, synthetic=True, manifest_sha256="0" * 64, **facts)
        register_enterprise(park_id=park_id, code="same", name_zh="同", name_en="Same")
    return Enterprise.objects.get(pk=register_enterprise(park_id=park_id, code="steel", name_zh="钢", name_en="Steel"))


def create(*args: str) -> str:
    told = StringIO()
    call_command("create_user", *args, "--generate", stdout=told)
    return told.getvalue()


def test_the_groups_of_the_roles_exist_after_the_migrations() -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= set(STAFF_ROLES)


@pytest.mark.parametrize("role", STAFF_ROLES)
def test_a_person_of_the_control_room(role: str, client) -> None:
    password = re.search(r"password \(shown once\): (\S+)", create("li", "--role", role))[1]
    user = User.objects.get(username="li")
    assert staff_roles(user) == {role}
    assert not user.is_superuser
    assert user.check_password(password)


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_a_person_of_an_enterprise(enterprise: Enterprise, role: str) -> None:
    create("wu", "--role", role, "--enterprise", "steel")
    user = User.objects.get(username="wu")
    assert enterprise_role(user, enterprise_id=enterprise.pk) == role
    assert not user.is_staff
    assert staff_roles(user) == frozenset()


@pytest.mark.parametrize(
    "args",
    [
        ["--role", "manager"],
        ["--role", "operator", "--enterprise", "steel"],
        ["--role", "viewer", "--enterprise", "nobody"],
        ["--role", "viewer", "--enterprise", "same"],
        ["--role", "boss"],
    ],
)
def test_what_does_not_fit_is_refused_and_nobody_is_made(enterprise: Enterprise, args: list[str]) -> None:
    with pytest.raises(CommandError):
        create("xu", *args)
    assert not User.objects.exists()


def test_the_park_tells_two_enterprises_of_one_code_apart(enterprise: Enterprise) -> None:
    create("xu", "--role", "viewer", "--enterprise", "same", "--park", "p")
    assert User.objects.get().memberships.get().enterprise.park.code == "p"


def test_a_name_is_taken_once() -> None:
    create("li", "--role", "auditor")
    with pytest.raises(CommandError, match="li"):
        create("li", "--role", "operator")
    assert staff_roles(User.objects.get()) == {"auditor"}


def test_a_typed_password_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")
    with pytest.raises(CommandError, match="password"):
        call_command("create_user", "li", "--role", "auditor", stdout=StringIO())
    monkeypatch.setattr("getpass.getpass", lambda prompt: "long enough to count")
    told = StringIO()
    call_command("create_user", "li", "--role", "auditor", stdout=told)
    assert User.objects.get().check_password("long enough to count")
    assert "long enough" not in told.getvalue()

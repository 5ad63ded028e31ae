"""People who may look at the demo: one operator of the control room, two managers of enterprises."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.models import Group, User

from aggregator.enterprises.models import Enterprise
from aggregator.enterprises.operations import grant_membership

MANAGERS = 2
PASSWORD_BYTES = 9


@dataclass(frozen=True)
class Login:
    """`place` is where the person begins; the password was made up for this machine."""

    user: str
    password: str
    place: str
    enterprise: str = ""


def demo_logins(*, park_code: str, keep: Path) -> list[Login]:
    """Create the people, once; the passwords stay in the file `keep`, which only its owner may read."""
    known = {row["user"]: Login(**row) for row in json.loads(keep.read_text())} if keep.exists() else {}
    enterprises = list(Enterprise.objects.filter(park__code=park_code).order_by("pk")[:MANAGERS])
    wanted = [("operator", "/staff/", None), *[(f"{e.code}-manager", "/portal/", e) for e in enterprises]]
    logins = []
    for name, place, enterprise in wanted:
        fresh = Login(name, secrets.token_urlsafe(PASSWORD_BYTES), place, enterprise.name_en if enterprise else "")
        login = known.get(name, fresh)
        _person(login, enterprise)
        logins.append(login)
    keep.parent.mkdir(parents=True, exist_ok=True)
    keep.touch(mode=0o600)
    keep.write_text(json.dumps([asdict(login) for login in logins], ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return logins


def _person(login: Login, enterprise: Enterprise | None) -> None:
    user, _ = User.objects.get_or_create(username=login.user)
    if not user.check_password(login.password):
        user.set_password(login.password)
    user.is_staff = enterprise is None
    user.save()
    if enterprise is None:
        user.groups.add(Group.objects.get_or_create(name="operator")[0])
    else:
        grant_membership(user_id=user.pk, enterprise_id=enterprise.pk, role="manager")

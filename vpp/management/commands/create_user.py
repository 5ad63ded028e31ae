"""`manage.py create_user NAME --role ROLE [--enterprise CODE]`: a person who may sign in, with one role."""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from aggregator.enterprises.models import MEMBER_ROLES, STAFF_ROLES
from aggregator.enterprises.operations import create_user
from aggregator.kernel.errors import Anticipated
from aggregator.support.problems import text_of

PASSWORD_BYTES = 12


class Command(BaseCommand):
    help = "Create a person with a role of the control room (operator, settlement, auditor) or at an enterprise (manager, viewer)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", required=True, choices=[*STAFF_ROLES, *MEMBER_ROLES])
        parser.add_argument("--enterprise", default="", help="code of the enterprise; only with manager and viewer")
        parser.add_argument("--park", default="", help="code of its park, where enterprises of two parks share a code")
        parser.add_argument("--generate", action="store_true", help="make a password up instead of asking; it is printed once")

    def handle(self, *args: Any, name: str, role: str, enterprise: str, park: str, generate: bool, **options: Any) -> None:
        made_up = generate or not sys.stdin.isatty()
        password = secrets.token_urlsafe(PASSWORD_BYTES) if made_up else self._asked(name)
        try:
            create_user(name=name, password=password, role=role, enterprise=enterprise, park=park)
        except Anticipated as refused:
            raise CommandError(f"{refused.code}: {text_of(refused)}") from refused
        self.stdout.write(f"{name}: {role}{f' of {enterprise}' if enterprise else ''}")
        if made_up:
            self.stdout.write(f"password (shown once): {password}")

    def _asked(self, name: str) -> str:
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Password (again): "):
            raise CommandError("The two passwords differ.")
        try:
            validate_password(password, User(username=name))
        except ValidationError as refused:
            raise CommandError(" ".join(refused.messages)) from refused
        return password

"""`manage.py connect_gateway GATEWAY --endpoint URL --reason TEXT`: where its setpoints go, and its credentials."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from rich.console import Console

from aggregator.gateways.operations import connect_gateway
from aggregator.support import clock
from vpp.management.console import REASON_CODE, add_connection_arguments, person, refusals_shown


class Command(BaseCommand):
    help = "Say where a gateway takes its setpoints. The first time its key and secret are printed, once; --rotate makes new ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("gateway", help="its code or its identity (public_id), as /records/ shows them")
        parser.add_argument("--enterprise", metavar="CODE", help="needed where several enterprises have a gateway of this code")
        add_connection_arguments(parser)

    def handle(self, *args: Any, gateway: str, enterprise: str | None, endpoint: str, rotate: bool, reason: str, **options: Any) -> None:
        with refusals_shown(Console(stderr=True)):
            done = connect_gateway(
                name=gateway,
                enterprise_code=enterprise,
                url=endpoint,
                rotate=rotate,
                actor=person(),
                reason_code=REASON_CODE,
                reason_text=reason,
                now=clock.now(),
            )
        fields = {"gateway": done.gateway, "enterprise": done.enterprise, "url": endpoint}
        self.stdout.write(_("The gateway %(gateway)s of %(enterprise)s takes its setpoints at %(url)s") % fields)
        if done.credentials is None:
            self.stdout.write(_("Its credentials stay as they are; --rotate makes new ones."))
            return
        self.stdout.write(_("Shown once, keep them now; what it had before has ended:"))
        self.stdout.write(f"  api key  {done.credentials.api_key}")
        self.stdout.write(f"  secret   {done.credentials.secret}")

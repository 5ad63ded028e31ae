"""`manage.py connect_platform CODE --endpoint URL --reason TEXT`: where a platform takes our messages, and the common secret."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.console import Console

from aggregator.support import clock
from market.platforms.operations import connect_platform
from vpp.management.console import REASON_CODE, add_connection_arguments, person, refusals_shown


class Command(BaseCommand):
    help = "Say where a market or grid platform takes our messages. The first time its secret is printed, once; --rotate makes a new one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="the platform's code, as in park.yaml and in its webhook address /hooks/v1/CODE")
        add_connection_arguments(parser)

    def handle(self, *args: Any, code: str, endpoint: str, rotate: bool, reason: str, **options: Any) -> None:
        with refusals_shown(Console(stderr=True)):
            done = connect_platform(
                code=code,
                url=endpoint,
                rotate=rotate,
                actor=person(),
                reason_code=REASON_CODE,
                reason_text=reason,
                now=clock.now(),
                wall=clock.wall_now(),
            )
        fields = {"platform": done.platform, "url": endpoint}
        self.stdout.write(_("The platform %(platform)s takes our messages at %(url)s; its own come to /hooks/v1/%(platform)s") % fields)
        if done.secret is None:
            self.stdout.write(_("Its secret stays as it is; --rotate makes a new one."))
            return
        self.stdout.write(_("Shown once, keep it now:"))
        self.stdout.write(f"  secret   {done.secret}")
        if done.old_secret_until is not None:
            until = timezone.localtime(done.old_secret_until).isoformat(timespec="minutes")
            self.stdout.write(_("The old secret stays valid until %(until)s.") % {"until": until})

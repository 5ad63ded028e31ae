"""A platform's secrets, and whether we may send to it."""

from datetime import datetime, timedelta

from django.db import transaction

from aggregator.kernel import signing
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit
from aggregator.support.alarms import clear_alarm
from aggregator.support.secrets import seal, unseal
from market.platforms.models import Platform

TWO_SECRETS_FOR = timedelta(hours=24)


class SecretExists(Anticipated):
    code = "platform.secret_exists"
    text = "The platform %(platform)s has a secret already; rotate it instead."
    status = 409


def live_secrets(platform: Platform, *, wall: datetime) -> list[str]:
    """Newest first; the one before counts for a day after a rotation. Empty = nothing is accepted or sent."""
    live = [unseal(platform.sealed_secret)] if platform.sealed_secret else []
    if platform.sealed_previous_secret and platform.previous_secret_until and wall < platform.previous_secret_until:
        live.append(unseal(platform.sealed_previous_secret))
    return live


@transaction.atomic
def issue_secret(*, platform_id: int) -> str:
    """The first secret of a new platform, shown once. Raises NotFound, SecretExists."""
    secret = signing.new_secret()
    if not Platform.objects.filter(pk=platform_id, sealed_secret="").update(sealed_secret=seal(secret)):
        raise SecretExists(platform=_platform(platform_id).code)
    return secret


@transaction.atomic
def rotate_secret(*, platform_id: int, actor: str, reason_code: str, reason_text: str, now: datetime, wall: datetime) -> str:
    """A new secret, shown once; the old one is accepted, and signs as well, for 24 hours.

    Raises NotFound, ReasonMissing.
    """
    platform = _platform(platform_id)
    secret = signing.new_secret()
    platform.sealed_previous_secret, platform.previous_secret_until = platform.sealed_secret, wall + TWO_SECRETS_FOR
    platform.sealed_secret = seal(secret)
    platform.save(update_fields=["sealed_secret", "sealed_previous_secret", "previous_secret_until"])
    _audit(platform, "platform.rotate_secret", actor, reason_code, reason_text, now)
    return secret


@transaction.atomic
def resume_sending(*, platform_id: int, actor: str, reason_code: str, reason_text: str, now: datetime) -> None:
    """Send again to an endpoint that was stopped. Raises NotFound, ReasonMissing."""
    platform = _platform(platform_id)
    platform.stopped_reason, platform.failures_in_row, platform.failing_since, platform.paused_until = "", 0, None, None
    platform.save(update_fields=["stopped_reason", "failures_in_row", "failing_since", "paused_until"])
    clear_alarm(kind="platform.stopped", key=platform.code, at=now)
    _audit(platform, "platform.resume_sending", actor, reason_code, reason_text, now)


def _platform(platform_id: int) -> Platform:
    platform = Platform.objects.select_for_update().filter(pk=platform_id).first()
    if platform is None:
        raise NotFound(what="platform")
    return platform


def _audit(platform: Platform, action: str, actor: str, reason_code: str, reason_text: str, now: datetime) -> None:
    audit.record(
        at=now, actor=actor, action=action, subject=str(platform.public_id), reason_code=reason_code, reason_text=reason_text,
        data={"platform": platform.code},
    )  # fmt: skip

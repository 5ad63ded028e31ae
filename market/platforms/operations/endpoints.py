"""A platform's endpoint and secrets, and whether we may send to it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from aggregator.kernel import signing
from aggregator.kernel.errors import Anticipated, NotFound
from aggregator.support import audit, http
from aggregator.support.alarms import clear_alarm
from aggregator.support.secrets import seal, unseal
from market.platforms.models import Platform

TWO_SECRETS_FOR = timedelta(hours=24)


class SecretExists(Anticipated):
    code = "platform.secret_exists"
    text = "The platform %(platform)s has a secret already; rotate it instead."
    status = 409


class PlatformNotRegistered(Anticipated):
    code = "platform.not_registered"
    text = "There is no platform %(platform)s. There are: %(there)s."
    status = 404


@dataclass(frozen=True)
class Connected:
    """`secret` None = the platform keeps the one that it has; `old_secret_until` None = no older one counts."""

    platform: str
    secret: str | None = field(repr=False)
    old_secret_until: datetime | None


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
def connect_platform(
    *, code: str, url: str, rotate: bool, actor: str, reason_code: str, reason_text: str, now: datetime, wall: datetime
) -> Connected:
    """Messages to the platform go to `url`; the first time, or to `rotate`, with a new secret for both directions.

    After a rotation the old secret counts for 24 hours; that of the park twin ends at once. A new address starts without
    the failures of the old one. Raises ReasonMissing, PlatformNotRegistered, AddressRefused.
    """
    if not reason_text.strip():
        raise audit.ReasonMissing()
    platform = Platform.objects.select_for_update().filter(code=code).first()
    if platform is None:
        there = ", ".join(Platform.objects.order_by("code").values_list("code", flat=True)) or "–"
        raise PlatformNotRegistered(platform=code, there=there)
    http.check(url)
    who = {"actor": actor, "reason_code": reason_code, "reason_text": reason_text, "now": now}
    endpoints = {"endpoint": url, "endpoint_before": platform.endpoint_url}
    _audit(platform, "platform.connect", actor, reason_code, reason_text, now, **endpoints)
    if url != platform.endpoint_url:
        _forgive(platform, now)
    if platform.loopback_exception:
        platform.sealed_secret, platform.sealed_previous_secret, platform.previous_secret_until = "", "", None
    platform.endpoint_url, platform.loopback_exception = url, ""
    platform.save()
    secret = None
    if not platform.sealed_secret:
        secret = issue_secret(platform_id=platform.pk)
    elif rotate:
        secret = rotate_secret(platform_id=platform.pk, wall=wall, **who)
    platform.refresh_from_db()
    return Connected(platform.code, secret, platform.previous_secret_until if secret else None)


@transaction.atomic
def resume_sending(*, platform_id: int, actor: str, reason_code: str, reason_text: str, now: datetime) -> None:
    """Send again to an endpoint that was stopped. Raises NotFound, ReasonMissing."""
    platform = _platform(platform_id)
    _forgive(platform, now)
    platform.save(update_fields=["stopped_reason", "failures_in_row", "failing_since", "paused_until"])
    _audit(platform, "platform.resume_sending", actor, reason_code, reason_text, now)


def _forgive(platform: Platform, now: datetime) -> None:
    """Forget what the endpoint's answers said; the caller saves."""
    platform.stopped_reason, platform.failures_in_row, platform.failing_since, platform.paused_until = "", 0, None, None
    clear_alarm(kind="platform.stopped", key=platform.code, at=now)
    clear_alarm(kind="platform.failing", key=platform.code, at=now)


def _platform(platform_id: int) -> Platform:
    platform = Platform.objects.select_for_update().filter(pk=platform_id).first()
    if platform is None:
        raise NotFound(what="platform")
    return platform


def _audit(platform: Platform, action: str, actor: str, reason_code: str, reason_text: str, now: datetime, **data: str) -> None:
    audit.record(
        at=now, actor=actor, action=action, subject=str(platform.public_id), reason_code=reason_code, reason_text=reason_text,
        data={"platform": platform.code, **data},
    )  # fmt: skip

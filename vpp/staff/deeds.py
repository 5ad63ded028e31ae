"""Deeds with a page of their own: first the effect, then a typed reason, then one call, and an event in the audit chain."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from aggregator.kernel.errors import Anticipated
from aggregator.support import alarms, clock
from aggregator.support.models import Alarm
from aggregator.support.problems import text_of
from market.platforms import operations as platform_operations
from market.platforms.models import InboundMessage, OutboundMessage, Platform
from vpp.staff.access import chosen_portfolio, staff_page
from vpp.staff.forms import ReasonForm
from vpp.staff.messages_page import messages as messages_of
from vpp.staff.page import page
from vpp.templatetags.vpp import alarm_text


def _deed(request: HttpRequest, act: Callable[..., Any], *, back: str, done: str = "", **shown: Any) -> HttpResponse:
    """Ask for the reason, act once, and go back to the list."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act(now=clock.now(), **form.cleaned_data)
        except Anticipated as refused:
            messages.error(request, text_of(refused))
        else:
            if done:
                messages.success(request, done)
        return redirect(back)
    return page(request, "staff/deed.html", portfolio=chosen_portfolio(request), form=form, back=back, **shown)


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def acknowledge_alarm(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(Alarm, public_id=public_id)

    def act(**reason: Any) -> None:
        alarms.acknowledge_alarm(alarm_id=row.pk, user=request.user, **reason)

    return _deed(
        request,
        act,
        back="staff:alarms",
        done=_("The alarm is acknowledged."),
        title=_("Acknowledge an alarm"),
        about=alarm_text(row),
        effect=_("The alarm leaves the list of open ones under your name. The trouble itself is not mended by this."),
        button=_("Acknowledge"),
    )


@require_GET
@staff_page()
def message_list(request: HttpRequest) -> HttpResponse:
    portfolio = chosen_portfolio(request)
    found = messages_of(portfolio_id=portfolio.id if portfolio else None, wall=clock.wall_now())
    return page(request, "staff/messages.html", portfolio=portfolio, found=found)


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def reprocess(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(InboundMessage.objects.select_related("platform"), public_id=public_id)

    def act(**reason: Any) -> None:
        platform_operations.reprocess(message_id=row.pk, actor=request.user.get_username(), **reason)

    return _deed(
        request,
        act,
        back="staff:messages",
        done=_("The message is handed to its task again."),
        title=_("Work on a message again"),
        about=str(row),
        effect=_("The message is read again as it was received. What it asks for (a price, an award, an instruction) takes effect now."),
        button=_("Work on it again"),
    )


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def retry(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(OutboundMessage.objects.select_related("platform"), public_id=public_id)

    def act(**reason: Any) -> None:
        platform_operations.retry_message(message_id=row.pk, actor=request.user.get_username(), **reason)

    return _deed(
        request,
        act,
        back="staff:messages",
        done=_("The message is sent again."),
        title=_("Send a message again"),
        about=str(row),
        effect=_("The same bytes are sent again under the same id; a platform that has them already ignores them."),
        button=_("Send it again"),
    )


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def resume(request: HttpRequest, public_id: UUID) -> HttpResponse:
    row = get_object_or_404(Platform, public_id=public_id)

    def act(**reason: Any) -> None:
        platform_operations.resume_sending(platform_id=row.pk, actor=request.user.get_username(), **reason)

    return _deed(
        request,
        act,
        back="staff:messages",
        done=_("Messages are sent to the platform again."),
        title=_("Send to a platform again"),
        about=str(row),
        effect=_("Everything that waits for this platform is sent to it, oldest first."),
        button=_("Switch delivery on"),
    )


@require_http_methods(["GET", "POST"])
@staff_page("operator")
def rotate_secret(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The new secret is in this one answer, which nobody may keep, and nowhere else."""
    row = get_object_or_404(Platform, public_id=public_id)
    told: list[str] = []
    portfolio = chosen_portfolio(request)

    def act(**reason: Any) -> None:
        actor, wall = request.user.get_username(), clock.wall_now()
        told.append(platform_operations.rotate_secret(platform_id=row.pk, actor=actor, wall=wall, **reason))

    answer = _deed(
        request,
        act,
        back="staff:messages",
        title=_("Rotate the secret of a platform"),
        about=str(row),
        effect=_(
            "A new secret is made and shown once. The old one is accepted, and signs as well, for 24 hours: tell the platform before."
        ),
        button=_("Make a new secret"),
    )
    if told:
        answer = page(request, "staff/secret.html", portfolio=portfolio, platform=row, secret=told[0])
        answer["Cache-Control"] = "no-store"
    return answer

"""The portal's door: a person sees the enterprises of their memberships, nothing else exists for them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from aggregator.enterprises.models import Enterprise
from aggregator.enterprises.queries import enterprise_role, enterprises_visible_to

View = Callable[..., HttpResponse]


def portal_page(view: View) -> View:
    """Hands the view the one enterprise the page is about. 404 for anybody else's."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        visible = enterprises_visible_to(request.user).order_by("code")
        wanted = request.GET.get("enterprise")
        enterprise: Enterprise | None = visible.filter(code=wanted).first() if wanted else visible.first()
        if enterprise is None:
            raise Http404
        return view(request, enterprise, *args, **kwargs)

    return guarded


def may_manage(request: HttpRequest, enterprise: Enterprise) -> bool:
    """The person is a manager of this enterprise; viewers, and staff of the control room, look only."""
    return enterprise_role(request.user, enterprise_id=enterprise.pk) == "manager"


def require_manager(request: HttpRequest, enterprise: Enterprise) -> None:
    """Raises PermissionDenied."""
    if not may_manage(request, enterprise):
        raise PermissionDenied

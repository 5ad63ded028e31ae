"""The front door: staff go to the control room, enterprises to their portal."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from aggregator.enterprises.queries import staff_roles


@login_required
def home(request: HttpRequest) -> HttpResponse:
    return redirect("staff:overview" if staff_roles(request.user) else "portal:assets")

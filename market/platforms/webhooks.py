"""`POST /hooks/v1/{platform}`: cheap refusals first, then one call."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from aggregator.kernel.errors import Anticipated
from aggregator.support import clock
from aggregator.support.problems import problem_response, problems_answered
from market.platforms import operations
from market.platforms.domain import MAX_BODY_BYTES, MessageTooLarge

RETRY_AFTER_S = 5
STATUSES = {"accepted": 202, "ignored": 202, "duplicate": 200}


class NotJson(Anticipated):
    code = "message.not_json"
    text = "The content type must be application/json."
    status = 415


@csrf_exempt  # a machine without session: the signature over the raw body is the authority
@require_POST
@problems_answered
def receive(request: HttpRequest, platform_code: str) -> HttpResponse:
    """202 once the message is committed; the work is a job."""
    try:
        body = _body(request)
        wall = clock.wall_now()
        received = operations.receive(
            platform_code=platform_code, headers=dict(request.headers), body=body, received_at=clock.now(), wall=wall
        )
    except (OperationalError, InterfaceError):
        # Never 2xx for what is not committed; the sender tries again.
        response = problem_response(
            status=503, code="database_away", title=gettext("The service cannot store messages now."), request=request
        )
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
    return JsonResponse({"status": received.status, "message_id": received.message_id}, status=STATUSES[received.status])


def _body(request: HttpRequest) -> bytes:
    """The raw bytes, read no further than the limit. Raises MessageTooLarge, NotJson."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise MessageTooLarge(limit=MAX_BODY_BYTES)
    if request.content_type != "application/json":
        raise NotJson()
    body = request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise MessageTooLarge(limit=MAX_BODY_BYTES)
    return body

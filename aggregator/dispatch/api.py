"""`POST /api/v1/acknowledgements`: what a gateway says about its setpoints."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from aggregator.dispatch import operations
from aggregator.gateways.domain import MAX_BODY_BYTES, BodyRefused, KeyRefused, bearer, read_json
from aggregator.gateways.queries import authenticate
from aggregator.kernel.errors import Anticipated
from aggregator.kernel.periods import as_utc
from aggregator.support import clock
from aggregator.support.problems import problems_answered

MAX_ITEMS = 20_000
CLAIMS = ("accepted", "rejected")


@csrf_exempt
@require_POST
@problems_answered
def post_acknowledgements(request: HttpRequest) -> HttpResponseBase:
    """200 `{recorded, duplicates, unknown: [setpoint_id]}`, or problem+json 400, 401, 413, 415."""
    gateway = authenticate(api_key=bearer(request.headers.get("Authorization", "")))
    if gateway is None:
        raise KeyRefused()
    data = read_json(
        body=request.read(MAX_BODY_BYTES + 1),
        content_type=request.headers.get("Content-Type", ""),
        content_encoding=request.headers.get("Content-Encoding", ""),
    )
    report = operations.acknowledge(gateway=gateway, items=_claims(data), received_at=clock.now())
    return JsonResponse({"recorded": report.recorded, "duplicates": report.duplicates, "unknown": [str(i) for i in report.unknown]})


def _claims(data: dict) -> list[operations.Claim]:
    """Raises BodyRefused, naming the item that is not valid."""
    items = data.get("acknowledgements")
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise BodyRefused(why=f"acknowledgements: a list of at most {MAX_ITEMS} objects is expected")
    return [_claim(k, item) for k, item in enumerate(items)]


def _claim(k: int, item: object) -> operations.Claim:
    if not isinstance(item, dict) or item.get("state") not in CLAIMS:
        raise BodyRefused(why=f"acknowledgements/{k}: state is one of {', '.join(CLAIMS)}")
    reason = item.get("reason") or ""
    try:
        setpoint_id = UUID(str(item.get("setpoint_id")))
        at = as_utc(datetime.fromisoformat(str(item.get("at"))))
    except (ValueError, Anticipated) as problem:
        raise BodyRefused(why=f"acknowledgements/{k}: setpoint_id is a UUID, at a time with zone") from problem
    if not isinstance(reason, str) or "\x00" in reason:
        raise BodyRefused(why=f"acknowledgements/{k}: reason is a text")
    return operations.Claim(setpoint_id=setpoint_id, state=item["state"], reason=reason, at=at)

"""`POST /api/v1/readings:batch`: a gateway posts days of its site's meters."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from aggregator.gateways.domain import MAX_BODY_BYTES, BodyRefused, KeyRefused, bearer, read_json
from aggregator.gateways.queries import authenticate
from aggregator.metering.domain import ReadingIn
from aggregator.metering.operations import import_readings
from aggregator.support import clock
from aggregator.support.problems import problems_answered, text_of

MAX_READINGS = 5_000


@csrf_exempt
@require_POST
@problems_answered
def post_readings(request: HttpRequest) -> HttpResponseBase:
    """200 `{accepted, revisions, duplicates, rejected: [{index, reason, detail}]}`, or problem+json 400, 401, 413, 415."""
    gateway = authenticate(api_key=bearer(request.headers.get("Authorization", "")))
    if gateway is None:
        raise KeyRefused()
    data = read_json(
        body=request.read(MAX_BODY_BYTES + 1),
        content_type=request.headers.get("Content-Type", ""),
        content_encoding=request.headers.get("Content-Encoding", ""),
    )
    source = f"gateway {gateway.code}"
    report = import_readings(readings=_readings(data), available_at=clock.now(), source=source, site_ids=[gateway.site_id])
    rejected = [{"index": one.index, "reason": one.refusal.code, "detail": text_of(one.refusal)} for one in report.rejected]
    return JsonResponse({"accepted": report.accepted, "revisions": report.revisions, "duplicates": report.duplicates, "rejected": rejected})


def _readings(data: dict) -> list[ReadingIn]:
    """Raises BodyRefused where there is no list of objects; what is in them is checked one by one."""
    readings = data.get("readings")
    if not isinstance(readings, list) or len(readings) > MAX_READINGS or not all(isinstance(one, dict) for one in readings):
        raise BodyRefused(why=f"readings: a list of at most {MAX_READINGS} objects is expected")
    return [
        ReadingIn(
            metering_point=one.get("metering_point"),
            day=one.get("day"),
            resolution_s=one.get("resolution_s"),
            import_kwh=one.get("import_kwh"),
            export_kwh=one.get("export_kwh"),
            quality=one.get("quality") or "measured",
            reason=one.get("reason") or "",
        )
        for one in readings
    ]

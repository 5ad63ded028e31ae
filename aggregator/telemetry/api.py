"""`POST /api/v1/telemetry`: a gateway posts columns, the answer says per series what became of them."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from aggregator.gateways.domain import MAX_BODY_BYTES, BodyRefused, KeyRefused, bearer, read_json
from aggregator.gateways.queries import authenticate
from aggregator.support import clock
from aggregator.support.problems import problems_answered, text_of
from aggregator.telemetry.domain import SeriesIn
from aggregator.telemetry.operations import ingest

MAX_SERIES = 5_000
NAMES = ("asset", "starts_at", "resolution_s", "injection_kw", "soc_ratio", "sessions")


@csrf_exempt
@require_POST
@problems_answered
def post_telemetry(request: HttpRequest) -> HttpResponseBase:
    """200 `{accepted, duplicates, rejected: [{index, reason, detail}]}`, or problem+json 400, 401, 413, 415."""
    gateway = authenticate(api_key=bearer(request.headers.get("Authorization", "")))
    if gateway is None:
        raise KeyRefused()
    data = read_json(
        body=request.read(MAX_BODY_BYTES + 1),
        content_type=request.headers.get("Content-Type", ""),
        content_encoding=request.headers.get("Content-Encoding", ""),
    )
    report = ingest(gateway=gateway, series=_series(data), received_at=clock.now())
    rejected = [{"index": one.index, "reason": one.refusal.code, "detail": text_of(one.refusal)} for one in report.rejected]
    return JsonResponse({"accepted": report.accepted, "duplicates": report.duplicates, "rejected": rejected})


def _series(data: dict) -> list[SeriesIn]:
    """Raises BodyRefused where there is no list of objects; what is in them is checked one by one."""
    series = data.get("series")
    if not isinstance(series, list) or len(series) > MAX_SERIES or not all(isinstance(one, dict) for one in series):
        raise BodyRefused(why=f"series: a list of at most {MAX_SERIES} objects is expected")
    return [SeriesIn(**{name: one.get(name) for name in NAMES}) for one in series]

"""What is expected of own assets, what came of it, and how good it was."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from aggregator.enterprises.models import Enterprise
from aggregator.support import clock
from vpp.portal.access import portal_page
from vpp.portal.forecast_own import own_assets, own_days, own_forecast, subject_of
from vpp.portal.page import page
from vpp.staff.forecast_views import asked_day, asked_run, forecast_csv
from vpp.staff.forecast_words import forecast_words


@require_GET
@portal_page
def forecasts(request: HttpRequest, enterprise: Enterprise) -> HttpResponse:
    """Of all own assets, of a site, or of one: ?of=<public id>; anything else is not found."""
    now, assets = clock.now(), own_assets(enterprise)
    subject = subject_of(assets, request.GET.get("of", ""))
    if subject is None:
        raise Http404
    days, runs = own_days(assets=subject.assets, wanted=asked_day(request), now=now)
    run = asked_run(request, runs, days.day)
    found = own_forecast(subject=subject, run=run, day=days.day, park_id=enterprise.park_id, now=now) if run else None
    if found is not None and request.GET.get("format") == "csv":
        return forecast_csv(found.picture, days.day)
    more: dict[str, Any] = {}
    if found is not None:
        picture = found.picture
        more = {"picture": picture, "rows": picture.rows(), "curves": picture.as_json(now=now), "words": forecast_words()}
    sites = list({asset.site_id: asset.site for asset in assets}.values())
    common = {"assets": assets, "sites": sites, "subject": subject, "days": days, "runs": runs, "run": run, "found": found}
    return page(request, enterprise, "portal/forecasts.html", **common, **more)

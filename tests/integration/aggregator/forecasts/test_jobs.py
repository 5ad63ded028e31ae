"""The jobs by their names and payloads, run in this process, twice."""

import pytest

from aggregator.forecasts.models import ForecastRun, ForecastScore
from aggregator.forecasts.tasks import forecast, score
from aggregator.kernel.periods import midnight
from tests.integration.aggregator.forecasts.park import DAY, ISSUED_AT, ONE_DAY, build


@pytest.mark.django_db
def test_forecast_and_score_may_run_twice() -> None:
    built = build()
    payload = {
        "portfolio_id": built.portfolio.pk,
        "issued_at": ISSUED_AT.isoformat(),
        "starts_at": midnight(DAY).isoformat(),
        "n_periods": 96,
        "resolution_s": 900,
    }
    first, second = (forecast(payload, now=ISSUED_AT) for _ in range(2))
    assert first == second
    over = midnight(DAY + 2 * ONE_DAY)
    for _ in range(2):
        assert "portfolio" in score({"run_id": first["run_id"]}, now=over)["scored"]
    assert ForecastRun.objects.count() == 1
    assert ForecastScore.objects.count() == 6

"""Stored history of an air-conditioned building, moved by us or not; and a storage of which a part is sold as reserve."""

from datetime import date, timedelta

import numpy as np
import pytest

from aggregator.assets.domain import Command, Drive, Reserve, air_conditioning, parse_spec
from aggregator.assets.models import Asset, Commitment, PortfolioMember
from aggregator.assets.operations import write_commitment
from aggregator.forecasts import queries
from aggregator.forecasts.domain import LEVELS
from aggregator.forecasts.models import ForecastRun
from aggregator.forecasts.operations import forecast_availability, import_weather, score_run
from aggregator.kernel.periods import Grid, delivery_day, midnight
from aggregator.support.arrays import pack_f4
from aggregator.telemetry.models import TelemetryDay
from tests.integration.aggregator.forecasts.park import DAY, HISTORY_DAYS, ISSUED_AT, ONE_DAY, Built, build

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)
GRID = delivery_day(DAY, resolution=QUARTER)
ROOM = {"rated_kw": 200, "capacity_kwh_per_k": 150, "loss_kw_per_k": 15, "comfort_min_c": 23, "set_point_c": 25, "comfort_max_c": 27}
FIRST = DAY - HISTORY_DAYS * ONE_DAY
WEATHER = Grid(midnight(FIRST), QUARTER, 96 * (HISTORY_DAYS + 2))


def outdoor_c() -> np.ndarray:
    days = np.random.default_rng(5).uniform(22, 32, HISTORY_DAYS + 2)
    hour = (np.arange(96) + 0.5) / 4
    return (days[:, None] + 5 * np.cos((hour - 15) / 24 * 2 * np.pi)[None, :]).ravel()


def with_room(built: Built, *, moved: bool) -> Asset:
    """Eight weeks of a room at its set point; `moved`: every afternoon of the last three weeks we let it warm up."""
    spec = parse_spec("air_conditioning", ROOM)
    assert isinstance(spec, air_conditioning.AirConditioningSpec)
    asset = Asset.objects.create(
        site=built.assets["load"].site, code="room", kind="air_conditioning", name_zh="室", name_en="Room", spec=ROOM
    )
    PortfolioMember.objects.create(portfolio=built.portfolio, asset=asset, valid_from=date(2025, 1, 1))
    natural = np.maximum(0.0, (15 * (outdoor_c() - 25) + 60) / spec.cop)
    state = air_conditioning.initial_state(spec)
    for k in range(HISTORY_DAYS + 1):
        day, power, ratio = FIRST + k * ONE_DAY, np.zeros(96), np.zeros(96)
        ours = moved and k > HISTORY_DAYS - 21
        for t in range(96):
            command = Command("import_limit_kw", 0.0) if ours and 64 <= t < 72 else None
            state, power[t] = air_conditioning.step(
                spec, state, drive=Drive(float(natural[k * 96 + t])), command=command, at_hours=t / 4, hours=0.25
            )
            ratio[t] = air_conditioning.soc_ratio(spec, state)
        for name, values in (("injection_kw", power), ("soc_ratio", ratio)):
            TelemetryDay.objects.create(
                asset=asset, day=day, series=name, starts_at=midnight(day), resolution_s=900, values=pack_f4(values), quality=bytes(96),
                available_at=midnight(day) + ONE_DAY,
            )  # fmt: skip
        if ours:
            at = midnight(day) + timedelta(hours=16)
            Commitment.objects.create(asset=asset, kind="intervened", starts_at=at, ends_at=at + timedelta(hours=2), available_at=at)
    return asset


def day_ahead(built: Built) -> ForecastRun:
    return forecast_availability(portfolio_id=built.portfolio.pk, issued_at=ISSUED_AT, grid=GRID)


def weather(built: Built) -> None:
    import_weather(
        park_id=built.park.pk,
        asset_id=None,
        grid=WEATHER,
        columns={"temperature_c": outdoor_c()},
        available_at=timedelta(hours=16),
        source="test",
    )


def test_hours_in_which_we_moved_a_room_teach_what_would_have_been() -> None:
    built = build()
    weather(built)
    means = []
    for moved in (False, True):
        asset = with_room(built, moved=moved)
        run = day_ahead(built)
        means.append(queries.quantiles(run_id=run.pk)[asset.pk].mean)
        envelope = queries.envelopes(run_id=run.pk, level="expected")[asset.pk]
        assert envelope.quality == "good"
        assert envelope.up_kw.max() > 50
        assert envelope.down_kw.max() > 50
        run.delete()
        PortfolioMember.objects.filter(asset=asset).delete()
        asset.delete()
    np.testing.assert_allclose(means[1], means[0], atol=0.5)


def test_without_weather_a_room_is_forecast_and_not_moved() -> None:
    built = build()
    asset = with_room(built, moved=False)
    run = day_ahead(built)
    assert "no_weather:room" in run.notes
    for level in LEVELS:
        envelope = queries.envelopes(run_id=run.pk, level=level)[asset.pk]
        assert envelope.quality == "unavailable"
        assert not envelope.up_kw.any()
    assert "air_conditioning" in score_run(run_id=run.pk, known_at=midnight(DAY + 2 * ONE_DAY))


def test_a_storage_of_which_a_part_is_reserved_moves_with_the_rest() -> None:
    built = build()
    free = queries.envelopes(run_id=day_ahead(built).pk, level="firm")[built.assets["storage"].pk]
    ForecastRun.objects.all().delete()
    noon = midnight(DAY) + timedelta(hours=12)
    write_commitment(
        asset_id=built.assets["storage"].pk, kind="reserved", starts_at=noon, ends_at=noon + timedelta(hours=2), available_at=ISSUED_AT,
        reference="regulation", reserve=Reserve(100.0, 50.0, 1.0),
    )  # fmt: skip
    sold = queries.envelopes(run_id=day_ahead(built).pk, level="firm")[built.assets["storage"].pk]
    np.testing.assert_allclose(sold.max_kw[48:56], free.max_kw[48:56] - 100)
    np.testing.assert_allclose(sold.min_kw[48:56], free.min_kw[48:56] + 50)
    np.testing.assert_allclose(sold.max_kw[56:], free.max_kw[56:])
    assert sold.max_kwh[55] <= free.max_kwh[55] - 100 + 1e-3
    assert sold.quality == "good"

"""import_park: all of it or nothing of it, and twice is once."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils.translation import override

from aggregator.assets.models import Asset, CapabilityCertificate, Portfolio
from aggregator.assets.queries import members_on
from aggregator.enterprises.models import AgencyContract, Feeder, Park, Site
from aggregator.enterprises.operations import ContractOfAnother
from aggregator.kernel.periods import delivery_day
from aggregator.metering.models import MeteringPoint, MeterReading
from aggregator.support.arrays import MISSING_I8, pack_i8, unpack_i8
from aggregator.telemetry.models import ChargingSession, TelemetryDay
from aggregator.telemetry.queries import power, soc
from market.platforms.models import Platform
from market.prices.models import PriceCurve
from market.rules.queries import pack_on
from tests.unit.vpp.park_folder.small_park import SmallPark, contract
from vpp.park_folder.loader import load_park
from vpp.park_folder.problems import ParkRefused

pytestmark = pytest.mark.django_db
DEMO = Path(__file__).resolve().parents[4] / "fixtures" / "parks" / "demo"
MEASURED = DEMO.parent / "measured"
LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def small(tmp_path) -> SmallPark:
    return SmallPark(tmp_path / "small")


def counts() -> dict[str, int]:
    """Rows of every table of the product."""
    models = [model for app in ("aggregator", "market") for model in apps.get_app_config(app).get_models()]
    return {model.__name__: model.objects.count() for model in models}


def load(small: SmallPark, **options):
    return load_park(park_dir=small.write(), **options)


# --- what is loaded


def test_a_park_becomes_rows(small):
    report = load(small)
    assert (report.unchanged, report.first_day, report.last_day) == (False, date(2026, 6, 1), date(2026, 6, 7))
    assert AgencyContract.objects.count() == 2
    assert sorted(MeteringPoint.objects.values_list("code", "kind")) == [
        ("small.ev-2", "asset"),
        ("small.ld-1", "asset"),
        ("small.one-a", "connection"),
        ("small.pv-1", "asset"),
        ("small.st-1", "asset"),
        ("small.two-a", "connection"),
    ]
    assert {a.code: a.channel.gateway.code for a in Asset.objects.all()}["pv-1"] == "gw-one-a"
    portfolio = Portfolio.objects.get()
    assert [m.code for m in members_on(portfolio_id=portfolio.pk, day=date(2026, 6, 1))] == ["ev-2", "ld-1", "pv-1", "st-1"]
    assert Platform.objects.get().portfolio == portfolio
    assert pack_on(park_id=report.park_id, day=date(2026, 6, 8)).code == "demo_liaoning_overlay"
    assert PriceCurve.objects.filter(synthetic=True).count() == 2 * 7


def test_history_is_telemetry_with_the_sign_of_injection(small):
    load(small)
    assets = {a.code: a.pk for a in Asset.objects.all()}
    grid = delivery_day(date(2026, 6, 3), resolution=timedelta(minutes=15))
    ids = [assets[code] for code in ("pv-1", "ld-1", "ev-2", "st-1")]
    pv, load_kw, ev, storage = power(asset_ids=ids, grid=grid, known_at=LATER)
    assert (pv.max(), load_kw.min(), storage.any()) == (40, -100, False)
    assert -ev.sum() * 0.25 == pytest.approx(28, abs=0.01)
    assert soc(asset_ids=[assets["st-1"]], grid=grid, known_at=LATER) == pytest.approx(np.full((1, 96), 0.5))


def test_a_day_is_not_known_before_it_is_over(small):
    load(small)
    pv = Asset.objects.get(code="pv-1")
    grid = delivery_day(date(2026, 6, 7), resolution=timedelta(minutes=15))
    assert np.isnan(power(asset_ids=[pv.pk], grid=grid, known_at=grid.ends_at)).all()
    assert not np.isnan(power(asset_ids=[pv.pk], grid=grid, known_at=grid.ends_at + timedelta(minutes=15))).any()
    assert all(r.available_at >= delivery_day(r.day, resolution=timedelta(hours=1)).ends_at for r in MeterReading.objects.all())


def test_the_connection_meters_the_exact_sum_of_its_assets(small):
    load(small)

    def net(code: str) -> np.ndarray:
        reading = MeterReading.objects.get(metering_point__code=f"small.{code}", day=date(2026, 6, 3))
        return unpack_i8(reading.export_wh) - unpack_i8(reading.import_wh)

    assert (net("one-a") == net("pv-1") + net("ld-1") + net("st-1")).all()
    assert net("one-a")[:1] == [-25_000]  # 100 kW for a quarter of an hour
    reading = MeterReading.objects.filter(metering_point__code="small.one-a").first()
    assert not (unpack_i8(reading.import_wh) * unpack_i8(reading.export_wh)).any()
    assert reading.quality == "synthetic"


def test_missing_values_stay_missing_in_the_meters(small):
    del small.power[1 + 40]
    report = load(small)
    reading = MeterReading.objects.get(metering_point__code="small.one-a", day=date(2026, 6, 1))
    assert (unpack_i8(reading.import_wh) == MISSING_I8).nonzero()[0].tolist() == [40]
    assert [notice.code for notice in report.notices] == ["series.gaps", "series.gaps"]


def test_a_car_that_is_still_there_has_no_end_yet(small):
    load(small)
    night = ChargingSession.objects.get(session_key="night")
    assert (night.plugged_out_at, night.energy_kwh) == (None, None)
    assert ChargingSession.objects.filter(session_key="c7").count() == 0  # the world of the day that will be played


def with_feeders(small: SmallPark) -> dict:
    site = small.data["enterprises"][0]["sites"][0]
    site["feeders"] = [
        {"code": "tr-1", "import_limit_kw": 400, "export_limit_kw": 150},
        {"code": "fd-1", "import_limit_kw": 60, "export_limit_kw": 50, "parent": "tr-1"},
    ]
    site["assets"][1]["feeder"], site["assets"][2]["feeder"] = "tr-1", "fd-1"
    site |= {"export_share_ratio": 0.2, "least_call_ratio": 0.5}
    small.data["portfolio"]["split_rule"] = "floor"
    return site


def grid_side() -> tuple:
    sites = Site.objects.order_by("code").values_list("code", "export_share_ratio", "least_call_ratio")
    feeders = Feeder.objects.order_by("code").values_list("code", "site__code", "parent__code", "import_limit_kw", "export_limit_kw")
    hanging = dict(Asset.objects.exclude(feeder=None).values_list("code", "feeder__code"))
    return list(sites), list(feeders), hanging, Portfolio.objects.get().split_rule


def test_what_lies_behind_a_connection_and_the_rule_of_splitting_become_rows(small):
    with_feeders(small)
    load(small)
    expected = (
        [("one-a", 0.2, 0.5), ("two-a", None, None)],
        [("fd-1", "one-a", "tr-1", 60.0, 50.0), ("tr-1", "one-a", None, 400.0, 150.0)],
        {"ld-1": "tr-1", "st-1": "fd-1"},
        "floor",
    )
    assert grid_side() == expected
    before, rows = counts(), list(Feeder.objects.values_list("pk", "public_id"))
    assert load(small).unchanged
    small.data["enterprises"][0]["name_en"] = "Renamed"  # all of it is written again
    assert not load(small).unchanged
    assert (counts(), grid_side(), list(Feeder.objects.values_list("pk", "public_id"))) == (before, expected, rows)


def test_limits_and_rules_are_brought_up_to_date(small):
    site = with_feeders(small)
    load(small)
    site["feeders"][1]["import_limit_kw"] = 70
    del site["assets"][1]["feeder"], site["export_share_ratio"], small.data["portfolio"]["split_rule"]
    load(small)
    sites, feeders, hanging, rule = grid_side()
    assert (sites[0], feeders[0][3], hanging, rule) == (("one-a", None, 0.5), 70.0, {"st-1": "fd-1"}, "cost")


def certificate(kw: float, **change) -> dict:
    dates = {"issued_on": "2026-03-01", "valid_until": "2027-02-28"}
    return {"direction": "up", "kw": kw, **dates, "document": "No. 17", "source": "a test's"} | change


def test_certificates_of_the_portfolio_and_of_assets_become_rows_and_are_brought_up_to_date(small):
    storage = small.data["enterprises"][0]["sites"][0]["assets"][2]
    small.data["portfolio"]["certificates"] = [certificate(1200), certificate(900, direction="down")]
    storage["certificates"] = [certificate(50)]
    load(small)
    rows = CapabilityCertificate.objects.order_by("kw").values_list("portfolio__code", "asset__code", "direction", "kw")
    whole = Portfolio.objects.get().code
    assert list(rows) == [(None, storage["code"], "up", 50.0), (whole, None, "down", 900.0), (whole, None, "up", 1200.0)]
    small.data["portfolio"]["certificates"][0]["kw"] = 1300
    load(small)
    assert [kw for *_, kw in rows.all()] == [50.0, 900.0, 1300.0]


def test_a_certificate_that_is_over_before_it_begins_is_refused(small):
    small.data["portfolio"]["certificates"] = [certificate(1200, valid_until="2026-02-28")]
    with pytest.raises(ParkRefused):
        load(small)


def unknown_feeder(small):
    with_feeders(small)["assets"][0]["feeder"] = "tr-9"


def test_a_wrong_feeder_is_named_with_its_line_and_nothing_is_loaded(small):
    unknown_feeder(small)
    with pytest.raises(ParkRefused) as refused:
        load(small)
    (problem,) = refused.value.problems
    assert str(problem).startswith(f"{small.folder / 'park.yaml'}:{small.line_of('feeder: tr-9')}: ")
    assert not Park.objects.exists()


# --- twice is once


def test_twice_is_once(small):
    load(small)
    before = counts()
    assert load(small).unchanged
    assert counts() == before


def test_a_changed_name_is_brought_up_to_date_without_touching_history(small):
    load(small)
    before = counts()
    small.data["enterprises"][0]["name_en"] = "Renamed"
    report = load(small)
    assert not report.unchanged
    assert (report.rows["telemetry_days"], report.rows["meter_readings"], report.rows["prices"]) == (0, 0, 0)
    assert counts() == before


def test_history_grows_by_the_days_that_have_passed(small):
    load(small)
    report = load(small, until_day=date(2026, 6, 8))
    assert report.rows["telemetry_days"] == 5  # four assets, and the state of charge of one
    assert report.rows["meter_readings"] == 6
    assert ChargingSession.objects.get(session_key="night").energy_kwh == 42


def test_a_day_that_was_lived_through_is_left_as_it_was(small):
    load(small)
    day = date(2026, 6, 8)
    point = MeteringPoint.objects.get(code="small.one-a")
    zero = pack_i8(np.zeros(96))
    told = {"import_wh": zero, "export_wh": zero, "source": "grid company", "available_at": LATER}
    MeterReading.objects.create(metering_point=point, day=day, revision=1, resolution_s=900, **told)
    report = load(small, until_day=day)
    assert report.rows["days_left_as_lived"] == 1
    assert MeterReading.objects.filter(day=day).count() == 1
    assert not TelemetryDay.objects.filter(day=day).exists()


def test_a_corrected_file_becomes_a_new_revision_of_its_days(small):
    load(small)
    small.power[1][2] = "120"
    load(small)
    revisions = MeterReading.objects.filter(day=date(2026, 6, 1), metering_point__code="small.ld-1").values_list("revision", flat=True)
    assert sorted(revisions) == [1, 2]


# --- nothing half-loaded


def test_a_dry_run_leaves_nothing(small):
    before = counts()
    report = load(small, dry_run=True)
    assert report.dry_run
    assert report.rows["meter_readings"] == 7 * 6
    assert counts() == before


def overlapping(small):
    small.data["enterprises"][0]["contracts"].append(contract("S-9", "2026-06-01", "2027-06-01"))


def naive(small):
    del small.data["series"]["power"]["zone"]


def unknown_unit(small):
    small.data["prices"]["day_ahead"]["unit"] = "CNY/PS"


def missing_file(small):
    small.data["sessions"]["cars"]["file"] = "nowhere.csv"


def duplicated(small):
    small.power.insert(12, list(small.power[11]))


def no_number(small):
    small.prices[5][1] = "dear"


def double_hour(small):
    """A 25-hour day whose double hour is given once: New York, where June has none, is moved to November."""
    small.data["series"]["power"]["zone"] = "America/New_York"
    for k, row in enumerate(small.power[1:]):
        row[0] = (datetime(2026, 10, 30) + k * timedelta(minutes=15)).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ001


def unknown_key(small):
    small.data["portfolio"]["colour"] = "green"


def outside_data_root(small):
    small.data["series"]["power"]["root"] = "data"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (overlapping, "contract.overlap"),
        (naive, "time.naive"),
        (unknown_unit, "unit.unknown"),
        (missing_file, "file.missing"),
        (duplicated, "time.duplicate"),
        (no_number, "value.no_number"),
        (double_hour, "time.ambiguous"),
        (unknown_key, "yaml.value"),
        (outside_data_root, "data_root.missing"),
    ],
)
def test_bad_input_is_reported_and_nothing_is_loaded(small, spoil, code):
    before = counts()
    spoil(small)
    with pytest.raises(ParkRefused) as refused:
        load(small)
    assert code in {problem.code for problem in refused.value.problems}
    assert counts() == before


def test_problems_of_the_descriptor_and_of_its_tables_come_together(small):
    overlapping(small)
    duplicated(small)
    small.sessions[1][4] = "28"
    with pytest.raises(ParkRefused) as refused:
        load(small)
    assert {problem.code for problem in refused.value.problems} == {"contract.overlap", "time.duplicate"}


def test_a_refusal_by_what_is_stored_takes_everything_back(small, tmp_path):
    load(small)
    before = counts()
    other = SmallPark(tmp_path / "other")
    other.data["code"] = "other"
    with pytest.raises(ContractOfAnother):  # the contract numbers are those of the first park
        load(other)
    assert counts() == before


def test_days_outside_the_declared_spans_are_refused(small):
    with pytest.raises(ParkRefused, match=r"park\.until_day"):
        load(small, until_day=date(2026, 6, 9))


# --- the command


def test_the_command_says_what_is_wrong_by_line(small, capsys):
    overlapping(small)
    with pytest.raises(CommandError):
        call_command("import_park", str(small.write()), stdout=StringIO())
    assert f"park.yaml:{small.line_of('S-9')}" in capsys.readouterr().out
    assert not Park.objects.exists()


def test_run_day_says_what_is_wrong_as_the_import_does(small, capsys):
    overlapping(small)
    small.data["enterprises"][0]["sites"][0]["assets"][1]["power"] = {"series": "power", "unit": "PS"}
    folder = str(small.write())
    said = []
    for command in (["import_park", folder], ["run_day", folder, "--day", "2026-06-08"]):
        with pytest.raises(CommandError) as refused:
            call_command(*command)
        problems = [line for line in capsys.readouterr().out.splitlines() if line.endswith("]")]
        said.append((problems, str(refused.value)))
    assert said[0] == said[1]
    assert len(said[0][0]) > 1


def test_the_command_loads_and_then_has_nothing_to_do(small, capsys):
    folder = str(small.write())
    with override("en"):
        call_command("import_park", folder)
        assert "unchanged" not in capsys.readouterr().out
        call_command("import_park", folder)
        assert "unchanged" in capsys.readouterr().out


# --- the parks that ship


def test_the_demo_park_twice():
    report = load_park(park_dir=DEMO)
    assert report.rows["meter_readings"] == 56 * (65 + 14)
    assert not report.notices  # nothing missing, nothing clipped
    assert Park.objects.get().synthetic
    before = counts()
    assert load_park(park_dir=DEMO).unchanged
    assert counts() == before


@pytest.mark.data
def test_the_measured_park(data_root):
    before = counts()
    report = load_park(park_dir=MEASURED, data_root=data_root)
    assert not Park.objects.get().synthetic
    assert {notice.code for notice in report.notices} <= {"series.gaps", "value.below_zero", "sessions.incomplete"}
    assert counts() != before
    assert load_park(park_dir=MEASURED, data_root=data_root).unchanged

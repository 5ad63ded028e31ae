"""Plans: what the park, its sites and every asset does and why, whose limit gave way, and who may look."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse

from aggregator.assets.models import Asset
from aggregator.assets.queries import assets_by_id
from aggregator.dispatch.queries import plan_of
from aggregator.enterprises.models import Site
from aggregator.support import clock
from aggregator.support.arrays import pack_f4
from aggregator.telemetry.models import TelemetryDay
from tests.integration.market.settlement.tiny_day import DAY, GRID, build, member, staff
from tests.integration.vpp.staff.rows import BASES, CHARGED, SHED, N, Planned, planned, visit
from vpp.asset_plan import asset_plan, moves
from vpp.staff.plan_page import LARGEST_SITES, plan_members, plan_picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Planned:
    return planned(build())


def data(page: str, name: str) -> dict:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found, name
    return json.loads(found[1])


def asset_of(code: str) -> Asset:
    return Asset.objects.get(code=code)


def test_the_sites_add_up_to_the_portfolio_and_the_assets_to_the_sites(made: Planned) -> None:
    plan = plan_of(public_id=made.plan.public_id)
    picture = plan_picture(plan, name_of=lambda row: row.name_en, others="others")
    drawn = np.sum([site["kw"] for site in picture.as_json["sites"]], axis=0)
    assert drawn == pytest.approx(plan.planned_kw, abs=1e-3)
    rows = moves(plan=plan, members=plan_members(plan))
    assert sum(row.fed_in_kwh - row.drawn_kwh for row in rows) == pytest.approx(plan.planned_kw.sum(), abs=1e-3)
    changes = {row.member.code: (row.more_kwh, row.less_kwh) for row in rows}
    assert changes["B-storage"] == pytest.approx((90.0, 120.0))
    assert changes["A-load"] == pytest.approx((25.0, 0.0))
    assert changes["A-pv"] == (0.0, 0.0)


def test_the_plan_page_names_owner_and_amount_of_a_limit_that_gave_way(made: Planned) -> None:
    page = visit(staff("operator"), reverse("staff:plan", args=[made.plan.public_id])).content.decode()
    relaxed = re.search(r"exceeded by at most.*?</table>", page, re.DOTALL)
    assert relaxed
    assert "<td>B</td>" in relaxed[0]
    assert "import limit of a site" in relaxed[0]
    assert "12.5 kW" in relaxed[0]
    assert "06-12 03:00–05:00" in relaxed[0]


def test_every_asset_has_its_reasons_and_notes_are_said_in_words(made: Planned) -> None:
    path = reverse("staff:plan", args=[made.plan.public_id])
    person = staff("auditor")
    page = visit(person, path).content.decode()
    assert "charges while energy is cheap" in page
    assert "sheds while energy is dear" in page
    assert "state of charge is old" in page
    chinese = visit(person, path, language="zh-hans").content.decode()
    assert "charges while energy is cheap" not in chinese
    assert "state of charge is old" not in chinese


def test_only_the_chosen_enterprise_is_listed(made: Planned) -> None:
    page = visit(staff("operator"), reverse("staff:plan", args=[made.plan.public_id]), enterprise="A").content.decode()
    assert "A-load" in page
    assert '<span class="soft">B-load</span>' not in page


def test_many_sites_are_drawn_as_few(made: Planned) -> None:
    plan = plan_of(public_id=made.plan.public_id)
    sites = [made.day.sites["A"]]
    for k in range(LARGEST_SITES + 3):
        site = made.day.sites["B"]
        sites.append(Site.objects.create(enterprise=site.enterprise, code=f"site-{k}", import_limit_kw=900, export_limit_kw=900))
    kw = {str(site.public_id): [float(-k - 1)] * N for k, site in enumerate(sites)}
    picture = plan_picture(replace(plan, site_kw=kw), name_of=lambda row: row.name_en, others="others")
    drawn = picture.as_json["sites"]
    assert len(drawn) == LARGEST_SITES + 1
    assert np.sum([site["kw"][0] for site in drawn]) == pytest.approx(sum(values[0] for values in kw.values()))
    assert len(picture.sites) == len(sites)


def test_without_a_target_there_is_no_shortfall_either(made: Planned) -> None:
    curves = data(visit(staff("operator"), reverse("staff:plan", args=[made.plan.public_id])).content.decode(), "plan-curves")
    assert set(curves["target_kw"]) == {None}
    assert set(curves["shortfall_kw"]) == {None}
    assert curves["price_cny_per_mwh"] == [250.0] * N


def test_a_stop_and_an_old_plan_open_as_well(made: Planned) -> None:
    made.plan.purpose, made.plan.run, made.plan.forecast_run, made.plan.inputs, made.plan.site_kw = "stop", None, None, {}, {}
    made.plan.explanations = []
    made.plan.save()
    page = visit(staff("operator"), reverse("staff:plan", args=[made.plan.public_id])).content.decode()
    assert "a stop sends every asset to its fallback" in page


def test_the_plan_is_exported(made: Planned) -> None:
    answer = visit(staff("operator"), reverse("staff:plan", args=[made.plan.public_id]), format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == N
    assert float(rows[CHARGED.start]["planned_kw"]) == pytest.approx(sum(BASES.values()) - 40)
    assert rows[0]["target_kw"] == ""


def test_an_asset_page_tells_reason_and_limit_of_every_period(made: Planned) -> None:
    path = reverse("staff:plan-asset", args=[made.plan.public_id, asset_of("B-storage").public_id])
    page = visit(staff("operator"), path).content.decode()
    rows = re.findall(r"<tr><td>06-12 .*?</tr>", page, re.DOTALL)
    assert len(rows) == N
    assert "charges while energy is cheap" in rows[CHARGED.start]
    assert "import limit of the site" in rows[CHARGED.start]
    assert "drawing 40.0 kW" in rows[CHARGED.start]
    assert "rests: no gain in moving" in rows[CHARGED.stop]
    assert len(data(page, "asset-curves")["reasons"]) == N


def test_stored_energy_follows_the_plan_from_the_measured_charge(made: Planned) -> None:
    asset = asset_of("B-storage")
    plan = plan_of(public_id=made.plan.public_id)
    stored = asset_plan(plan=plan, member=assets_by_id(asset_ids=[asset.pk])[asset.pk], now=GRID.ends_at)
    assert stored.stored_kwh is None, "nobody told a state of charge"
    before = GRID.starts_at - timedelta(days=1)
    TelemetryDay.objects.create(
        asset=asset,
        day=DAY - timedelta(days=1),
        starts_at=before,
        series="soc_ratio",
        resolution_s=900,
        values=pack_f4(np.full(96, 0.2)),
        quality=bytes(96),
        available_at=GRID.starts_at,
    )
    told = asset_plan(plan=plan, member=assets_by_id(asset_ids=[asset.pk])[asset.pk], now=GRID.ends_at)
    assert told.stored_kwh is not None
    assert told.stored_kwh[0] == pytest.approx(20.0)
    # 40 kW for two hours at 0.95, then the ceiling of 95 % is near: 20 + 38 + 37 = 95.
    assert told.stored_kwh[CHARGED.start : CHARGED.start + 2] == pytest.approx([58.0, 95.0])


def test_an_asset_of_another_portfolio_is_not_in_the_plan(made: Planned) -> None:
    stray = asset_of("A-pv")
    made.day.portfolio.members.filter(asset=stray).delete()
    path = reverse("staff:plan-asset", args=[made.plan.public_id, stray.public_id])
    assert visit(staff("operator"), path).status_code == 404


def test_the_list_is_narrowed_and_empty_states_say_what_to_do(made: Planned) -> None:
    person = staff("operator")
    path = reverse("staff:plans")
    assert "#2" in visit(person, path).content.decode()
    assert "Nothing in this list fits" in visit(person, path, purpose="stop").content.decode()
    made.plan.setpoints.all().delete()
    made.plan.delete()
    type(made.plan).objects.all().delete()
    assert "No plan has been made" in visit(person, path).content.decode()


def staff_paths(made: Planned) -> list[str]:
    asset = asset_of("A-load").public_id
    return [
        reverse("staff:plans"),
        reverse("staff:plan", args=[made.plan.public_id]),
        reverse("staff:plan-asset", args=[made.plan.public_id, asset]),
    ]


@pytest.mark.parametrize("role", ["operator", "settlement", "auditor"])
def test_every_staff_role_reads(made: Planned, role: str) -> None:
    person = staff(role)
    for path in staff_paths(made):
        assert visit(person, path).status_code == 200, path


def test_strangers_and_enterprises_do_not(made: Planned) -> None:
    owner = member("A")
    for path in staff_paths(made):
        assert visit(None, path).status_code == 302
        assert visit(owner, path).status_code == 403


def portal(code: str) -> str:
    return reverse("portal:asset-plan", args=[asset_of(code).public_id])


def test_an_enterprise_sees_the_plan_of_its_own_asset_and_no_other(made: Planned, settings) -> None:
    settings.VPP_ALLOW_TWIN = True
    clock.set_replay(GRID.starts[SHED])
    owner = member("A")
    page = visit(owner, portal("A-load")).content.decode()
    assert "sheds while energy is dear" in page
    assert str(made.plan.public_id) in page
    assert visit(owner, portal("B-storage")).status_code == 404
    assert visit(owner, portal("B-storage"), enterprise="B").status_code == 404
    assert visit(owner, portal("A-load"), enterprise="B").status_code == 404
    assert visit(None, portal("A-load")).status_code == 302


def test_a_plan_that_was_not_sent_is_not_shown_to_its_owner(made: Planned, settings) -> None:
    settings.VPP_ALLOW_TWIN = True
    clock.set_replay(GRID.starts[SHED])
    owner = member("A")
    made.plan.violations = [{"subject": "A/main/A-load", "limit": "must_run", "starts_at": GRID.starts[0].isoformat(), "by": 1.0}]
    made.plan.save()
    assert str(made.plan.public_id) not in visit(owner, portal("A-load")).content.decode()
    assert visit(owner, portal("A-load"), plan=str(made.plan.public_id)).status_code == 404


def test_an_asset_outside_every_portfolio_says_why_nothing_is_planned(made: Planned) -> None:
    asset = asset_of("A-load")
    made.day.portfolio.members.filter(asset=asset).delete()
    assert "No plan holds this asset yet" in visit(member("A"), portal("A-load")).content.decode()

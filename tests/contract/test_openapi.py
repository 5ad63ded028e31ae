"""The API document is valid, its examples are accepted as they stand, and the answers are what it says."""

import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client

from aggregator.assets.models import Asset, Portfolio
from aggregator.dispatch.models import DispatchPlan, Setpoint
from aggregator.metering.models import MeteringPoint
from aggregator.support import clock
from tests.integration.aggregator.sites import SmallSite, small_site
from vpp.api.machine_paths import EXAMPLES

NOW = datetime(2026, 7, 15, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Made by the command that people use, with its own validation; a warning is a failure."""
    file = tmp_path_factory.mktemp("api") / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(file), validate=True, fail_on_warn=True)
    return json.loads(file.read_text())


@pytest.fixture
def site(db) -> SmallSite:
    """The identities of the examples, as rows."""
    made = small_site()
    battery = Asset.objects.get(pk=made.asset_ids["storage"])
    battery.public_id = EXAMPLES["/api/v1/telemetry"]["series"][0]["asset"]
    battery.save()
    MeteringPoint.objects.update(code=EXAMPLES["/api/v1/readings:batch"]["readings"][0]["metering_point"])
    portfolio = Portfolio.objects.create(park=battery.site.enterprise.park, code="all", name_zh="全", name_en="all")
    plan = DispatchPlan.objects.create(
        portfolio=portfolio,
        purpose="schedule",
        reference="day",
        sequence=1,
        issued_at=NOW,
        starts_at=NOW,
        resolution_s=900,
        n_periods=1,
        planned_kw=b"",
        solver_status="optimal",
        inputs_hash="",
    )
    claim = EXAMPLES["/api/v1/acknowledgements"]["acknowledgements"][0]
    Setpoint.objects.create(
        public_id=claim["setpoint_id"],
        plan=plan,
        asset=battery,
        kind="injection_kw",
        starts_at=NOW,
        ends_at=NOW + timedelta(minutes=15),
        value_kw=10,
        fallback_kw=0,
        reason="idle_no_gain",
        state="sent",
        acknowledge_by=NOW,
    )
    clock.set_replay(NOW)
    return made


def post(path: str, body: object, site: SmallSite):
    return Client(headers={"host": "localhost", "authorization": f"Bearer {site.api_key}"}).post(
        path, body, content_type="application/json"
    )


def test_every_address_of_the_api_is_in_it(document: dict) -> None:
    from vpp.api.urls import urlpatterns

    routes = {f"/api/v1/{entry.pattern}".replace("<uuid:public_id>", "{public_id}") for entry in urlpatterns}
    assert routes == set(document["paths"])
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_example_fits_its_own_schema(document: dict, path: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == EXAMPLES[path]
    jsonschema.validate(body["example"], body["schema"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, body["schema"])


@pytest.mark.parametrize(
    ("path", "counted"),
    [("/api/v1/telemetry", "accepted"), ("/api/v1/acknowledgements", "recorded"), ("/api/v1/readings:batch", "accepted")],
)
def test_an_example_is_accepted_as_it_stands(document: dict, site: SmallSite, path: str, counted: str) -> None:
    answer = post(path, EXAMPLES[path], site)
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said[counted] > 0, said
    assert not said.get("rejected") and not said.get("unknown"), said  # noqa: PT018
    responses = document["paths"][path]["post"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(said, {**schema, "additionalProperties": False})


@pytest.mark.parametrize("path", EXAMPLES)
def test_what_is_refused_answers_the_documented_problem(document: dict, site: SmallSite, path: str) -> None:
    responses = document["paths"][path]["post"]["responses"]
    for body, status in (({"nothing": 1}, "400"), ([], "400")):
        answer = post(path, body, site)
        assert str(answer.status_code) == status
        jsonschema.validate(answer.json(), responses[status]["content"]["application/problem+json"]["schema"])
    answer = Client(headers={"host": "localhost"}).post(path, EXAMPLES[path], content_type="application/json")
    assert answer.status_code == 401
    jsonschema.validate(answer.json(), responses["401"]["content"]["application/problem+json"]["schema"])


@pytest.mark.django_db
def test_the_document_and_its_browser_are_served_from_here(client: Client) -> None:
    page = client.get("/api/v1/docs/", headers={"host": "localhost"}).content.decode()
    assert "http://" not in page.replace("http://localhost", "").replace("http://www.w3.org", "")
    assert "https://" not in page
    assert client.get("/api/v1/openapi.json", headers={"host": "localhost"}).status_code == 200

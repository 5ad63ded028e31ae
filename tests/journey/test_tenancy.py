"""The played day as a manager of one enterprise walks every address with everybody else's identities: nothing is told."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
import requests
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from tests.journey.demo_process import manage
from tests.served import Served

FACTS = """
import json
from aggregator.enterprises.models import Enterprise
from market.bids.models import Award, Bid
from market.instructions.models import DispatchInstruction
from market.platforms.models import InboundMessage, OutboundMessage, Platform
from market.settlement.models import SettlementRun
out = {"enterprises": {}, "shared": {}}
for e in Enterprise.objects.all():
    sites, assets = list(e.sites.all()), [a for s in e.sites.all() for a in s.assets.all()]
    things = [e, *sites, *assets, *e.statements.all()]
    words = {t.name_zh for t in (e, *sites, *assets)} | {t.name_en for t in (e, *sites, *assets)}
    words |= {a.code for a in assets} | {c.number for c in e.contracts.all()} | {g.code for s in sites for g in s.gateways.all()}
    out["enterprises"][e.name_en] = {
        "code": e.code, "words": sorted(words), "assets": [str(a.public_id) for a in assets], "ids": [str(t.public_id) for t in things],
        "statements": [str(s.public_id) for s in e.statements.all()], "statement_pks": [s.pk for s in e.statements.all()],
    }
models = {"award": Award, "bid": Bid, "instruction": DispatchInstruction, "settlement": SettlementRun}
models |= {"in": InboundMessage, "out": OutboundMessage, "platform": Platform}
for name, model in models.items():
    out["shared"][name] = [str(row.public_id) for row in model.objects.all()]
print("FACTS" + json.dumps(out))
"""


@dataclass(frozen=True)
class Tenants:
    """`mine` and `theirs`: what the database knows of the manager's own enterprise, and of all the others."""

    mine: dict
    theirs: list[dict]
    shared: dict[str, list[str]]

    @property
    def secrets(self) -> set[str]:
        """Names, codes and identities of the others that are not the manager's own as well."""
        own = {*self.mine["words"], *self.mine["ids"]}
        return {word for one in self.theirs for word in (*one["words"], *one["ids"])} - own


@pytest.fixture(scope="module")
def tenants(served_demo: Served) -> Tenants:
    output = manage("shell", "-v", "0", "-c", FACTS, env=served_demo.env)
    facts = json.loads(output.partition("FACTS")[2])
    mine = facts["enterprises"].pop(served_demo.managers[0].enterprise)
    return Tenants(mine, list(facts["enterprises"].values()), facts["shared"])


@pytest.fixture(scope="module")
def manager(served_demo: Served) -> requests.Session:
    return served_demo.session(served_demo.managers[0])


def told(answer: requests.Response, tenants: Tenants) -> set[str]:
    """What the answer says about others. A page may repeat the address that was asked for."""
    body = answer.text.replace(answer.request.path_url, "").replace(answer.request.path_url.replace("&", "&amp;"), "")
    return {secret for secret in tenants.secrets if re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", body)}


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(route, name) of every address that a person can open; the records are walked by their own test."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if entry.app_name != "admin":
                yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.name or ""


def addresses(tenants: Tenants) -> Iterator[str]:
    """Every address, filled with each identity that is not the manager's."""
    identities = {*tenants.shared["award"], *tenants.shared["bid"], *tenants.shared["instruction"], *tenants.shared["settlement"]}
    identities |= {tenants.shared[kind][0] for kind in ("in", "out", "platform")}
    identities |= {one["statements"][0] for one in tenants.theirs} | {one["ids"][0] for one in tenants.theirs[:2]}
    identities |= {one["assets"][0] for one in tenants.theirs[:2]}
    for route, name in patterns():
        if name in ("logout", "set_language"):
            continue
        if "<uuid:public_id>" in route:
            asset = tenants.theirs[0]["assets"][0]
            route = route.replace("<uuid:asset_id>", asset)
            yield from (f"/{route.replace('<uuid:public_id>', identity)}" for identity in sorted(identities))
        else:
            yield f"/{route.replace('<slug:platform_code>', 'x')}"


def test_no_address_tells_anything_about_another_enterprise(served_demo: Served, manager: requests.Session, tenants: Tenants) -> None:
    walked = 0
    for address in addresses(tenants):
        answer = manager.get(served_demo.url + address)
        assert answer.status_code < 500, (address, answer.status_code)
        assert not told(answer, tenants), address
        if address.startswith("/staff/"):
            assert answer.status_code in (403, 405), address
        walked += 1
    assert walked > 100


@pytest.mark.parametrize("page", ["", "forecasts/", "events/", "statements/", "green/", "statements/?format=csv"])
def test_the_portal_of_another_enterprise_does_not_exist(served_demo, manager, tenants, page: str) -> None:
    for other in tenants.theirs:
        mark = "&" if "?" in page else "?"
        answer = manager.get(f"{served_demo.url}/portal/{page}{mark}enterprise={other['code']}")
        assert answer.status_code == 404
        assert not told(answer, tenants)


def test_statements_of_others_are_not_found_under_any_name(served_demo, manager, tenants) -> None:
    for other in tenants.theirs:
        for identity in other["statements"]:
            for address in (
                f"/portal/statements/{identity}/",
                f"/portal/statements/{identity}/lines.csv",
                f"/api/v1/statements/{identity}",
            ):
                for owner in ("", f"?enterprise={tenants.mine['code']}", f"?enterprise={other['code']}"):
                    answer = manager.get(served_demo.url + address + owner)
                    assert answer.status_code == 404, address
                    assert not told(answer, tenants)


def test_assets_of_others_can_neither_be_seen_nor_kept_out(served_demo, manager, tenants) -> None:
    token = {"csrfmiddlewaretoken": manager.cookies["csrftoken"]}
    wanted = {**token, "starts_at": "2030-01-01T00:00", "ends_at": "2030-01-02T00:00", "reason_code": "production"}
    for other in tenants.theirs:
        for identity in other["assets"]:
            for owner in ("", f"?enterprise={tenants.mine['code']}", f"?enterprise={other['code']}"):
                address = f"{served_demo.url}/portal/assets/{identity}/{owner}"
                typed = {**wanted, "reason_text": "this is not mine to say"}
                for answer in (manager.get(address), manager.post(address, data=typed, headers={"Referer": address})):
                    assert answer.status_code == 404, address
                    assert not told(answer, tenants)
    own = manager.get(f"{served_demo.url}/portal/assets/{tenants.mine['assets'][0]}/")
    assert own.status_code == 200
    assert "reason_text" in own.text, "a manager has the form: the refusals above mean something"


def test_forecasts_of_others_are_not_found_under_any_name(served_demo, manager, tenants) -> None:
    for other in tenants.theirs:
        for identity in other["ids"]:  # of the enterprise, its sites, assets and statements
            for rest in ("", "&format=csv", f"&enterprise={tenants.mine['code']}", f"&enterprise={other['code']}"):
                answer = manager.get(f"{served_demo.url}/portal/forecasts/?of={identity}{rest}")
                assert answer.status_code == 404, rest
                assert not told(answer, tenants)
    own = manager.get(f"{served_demo.url}/portal/forecasts/?of={tenants.mine['assets'][0]}")
    assert own.status_code == 200
    assert "forecast-curves" in own.text, "the own forecast is missing: the refusals above mean nothing"


def test_the_api_lists_own_statements_only(served_demo, manager, tenants) -> None:
    everything = manager.get(f"{served_demo.url}/api/v1/statements?limit=500").json()
    assert {row["public_id"] for row in everything["results"]} == set(tenants.mine["statements"])
    assert everything["count"] == len(tenants.mine["statements"]) == 2
    other = manager.get(f"{served_demo.url}/api/v1/statements?enterprise={tenants.theirs[0]['code']}").json()
    assert (other["count"], other["results"]) == (0, [])


def test_a_trace_shows_the_own_part_only(served_demo, manager, tenants) -> None:
    for identity in tenants.shared["award"]:
        found = manager.get(f"{served_demo.url}/api/v1/awards/{identity}/trace").json()
        assert found["scope"] == "enterprise"
        assert found["periods"] == found["plans"] == []
        assert {row["enterprise_code"] for part in ("assets", "sites") for row in found[part]} <= {tenants.mine["code"]}
        assert found["money"], "the manager's own money is missing: the walk shows nothing"


def test_the_records_are_closed(served_demo, manager, tenants) -> None:
    models = [(model._meta.app_label, model._meta.model_name) for model in admin.site._registry]
    assert len(models) > 20
    for app, model in models:
        for rest in ("", "1/change/", "?all="):
            answer = manager.get(f"{served_demo.url}/records/{app}/{model}/{rest}", allow_redirects=False)
            assert answer.status_code == 302, (app, model, answer.status_code)
            assert answer.headers["Location"].startswith("/records/login/")


def test_a_session_is_no_gateway_key(served_demo, manager) -> None:
    for edge in ("telemetry", "acknowledgements", "readings:batch"):
        answer = manager.post(f"{served_demo.url}/api/v1/{edge}", json={}, headers={"Referer": served_demo.url})
        assert answer.status_code in (401, 403), (edge, answer.text)


def test_the_walk_would_see_a_leak(served_demo, tenants) -> None:
    """Staff do see the others: the same search finds them there."""
    answer = served_demo.session(served_demo.operator).get(f"{served_demo.url}/staff/settlement/{tenants.shared['settlement'][0]}/")
    assert answer.status_code == 200
    assert len(told(answer, tenants)) > 10
    assert UUID(tenants.shared["settlement"][0])

"""Both faces in a real browser and in both languages: every page opens clean, speaks one language and draws its chart."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import services
from tests.served import Login, Served

pytestmark = pytest.mark.browser

STAFF_PAGES = (
    *("", "instructions/", "preview/", "bids/", "plans/", "optimisation/", "pareto/", "pareto/new/"),
    *("forecasts/", "forecasts/quality/", "alarms/", "trace/", "settlement/", "messages/", "audit/", "stop/"),
)
STAFF_LISTS = ("instructions/", "bids/", "plans/?purpose=schedule", "optimisation/", "trace/", "settlement/")
PORTAL_PAGES = ("", "forecasts/", "events/", "statements/", "green/")
LANGUAGES = {"zh-hans": "zh-CN", "en": "en-US"}
FAR_AWAY = "America/New_York"
CONTROL_ROOM, PHONE = {"width": 1366, "height": 768}, {"width": 360, "height": 740}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

# What a screen reader needs at least: names for fields, pictures and buttons; one heading and one main part.
UNNAMED = """() => {
  const named = (e) => e.labels?.length || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby");
  const bad = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")].filter((e) => !named(e));
  bad.push(...[...document.querySelectorAll("img")].filter((e) => !e.hasAttribute("alt")));
  bad.push(...[...document.querySelectorAll("button, a")].filter((e) => !e.textContent.trim() && !e.getAttribute("aria-label")));
  bad.push(...[...document.querySelectorAll("[role=img]")].filter((e) => !e.getAttribute("aria-label")));
  return bad.map((e) => e.outerHTML.slice(0, 120));
}"""
COUNTS = '() => ["h1", "main", "a.skip"].map((what) => document.querySelectorAll(what).length)'


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=services.chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Screenshots for whoever wants to look: in VPP_VAR_DIR where it is given."""
    given = os.environ.get("VPP_VAR_DIR")
    folder = Path(given) / "screenshots" if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Visitor:
    """A signed-in person whose browser stands in another time zone; whatever the console complains about is kept."""

    def __init__(
        self, chromium, served: Served, login: Login, language: str, screen: dict[str, int], pictures: Path, *, zone: str = FAR_AWAY
    ) -> None:
        self.served, self.language, self.pictures = served, language, pictures
        self.context = chromium.new_context(viewport=screen, locale=LANGUAGES[language], timezone_id=zone)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda told: self._complain(told.text) if told.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.page.goto(f"{served.url}/login/")
        self.page.fill("#id_username", login.user)
        self.page.fill("#id_password", login.password)
        self.page.click("form.login button")

    def _complain(self, text: str) -> None:
        self.complaints.append(f"{self.page.url}: {text}")

    def open(self, path: str, *, points: int = 96) -> None:
        """`points`: more than so many are drawn where there are charts."""
        answer = self.page.goto(self.served.url + path)
        assert answer is not None
        assert answer.status == 200, path
        self.examine(path, points=points)

    def follow(self, path: str) -> None:
        """The first link of the list at `path`."""
        self.open(path)
        self.page.locator("main table a").first.click()
        self.page.wait_for_load_state()
        self.examine(f"{path}one")

    def examine(self, path: str, *, points: int = 96) -> None:
        assert self.page.get_attribute("html", "lang") == self.language
        assert self.page.evaluate(UNNAMED) == [], path
        assert self.page.evaluate(COUNTS) == [1, 1, 1], path
        drawn = [self._points(chart, path) for chart in self.page.locator(".chart").all()]
        assert not drawn or sum(drawn) > points, path
        name = re.sub(r"\W+", "-", path).strip("-")
        self.page.screenshot(path=self.pictures / f"{self.language}-{name}.png", full_page=True)

    def _points(self, chart, path: str) -> int:
        """Of a chart that is drawn."""
        chart.locator("canvas").wait_for()
        assert chart.locator("canvas").count() == 1, path
        return int(chart.get_attribute("data-points") or 0)

    def click(self, selector: str, path: str) -> None:
        """Follow a link of this page."""
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()
        self.examine(path)

    def overflow(self) -> tuple[int, int]:
        """Pixels that do not fit (down, to the right)."""
        down, right = self.page.evaluate(
            "[document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]"
        )
        return down, right


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_control_room(chromium, served_demo: Served, pictures: Path, language: str) -> None:
    visitor = Visitor(chromium, served_demo, served_demo.operator, language, CONTROL_ROOM, pictures)
    for page in STAFF_PAGES:
        visitor.open(f"/staff/{page}")
        assert visitor.overflow()[1] <= 0, page
    for page in STAFF_LISTS:
        visitor.follow(f"/staff/{page}")
        assert visitor.overflow()[1] <= 0, page
    visitor.follow("/staff/plans/?purpose=schedule")
    visitor.click("main a[href*='/assets/']", "/staff/plans/asset")
    visitor.open("/staff/forecasts/accuracy/", points=10)
    assert visitor.overflow()[1] <= 0, "how good forecasts were"
    visitor.follow("/staff/forecasts/quality/")
    visitor.open("/staff/optimisation/")
    for box in visitor.page.locator("main input[type=checkbox]").all()[:2]:
        box.check()
    visitor.click("main form.card button", "/staff/optimisation/compare")
    assert visitor.page.locator(".chip.warn").count() > 0, "two runs of one day differ"
    visitor.open("/staff/")
    assert visitor.overflow() == (0, 0), "the overview does not fit 1366x768"
    assert visitor.complaints == []
    visitor.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_portal_on_a_phone(chromium, served_demo: Served, pictures: Path, language: str) -> None:
    visitor = Visitor(chromium, served_demo, served_demo.managers[0], language, PHONE, pictures)
    for page in PORTAL_PAGES:
        visitor.open(f"/portal/{page}")
        assert visitor.overflow()[1] <= 0, page
    visitor.follow("/portal/")
    assert visitor.overflow()[1] <= 0, "one asset"
    visitor.click("main a[href*='/plan/']", "/portal/plan")
    assert visitor.overflow()[1] <= 0, "the plan of one asset"
    visitor.follow("/portal/statements/")
    assert visitor.complaints == []
    foreign = _statement_of(served_demo, served_demo.managers[1])
    for path in (f"/portal/statements/{foreign}/", f"/portal/statements/{foreign}/lines.csv"):
        answer = visitor.page.goto(served_demo.url + path)
        assert answer is not None
        assert answer.status == 404
    visitor.context.close()


def _statement_of(served: Served, manager: Login) -> str:
    session: requests.Session = served.session(manager)
    return session.get(f"{served.url}/api/v1/statements").json()["results"][0]["public_id"]


def test_the_chart_is_the_same_picture_in_every_time_zone(chromium, served_demo: Served, pictures: Path) -> None:
    """The park's wall time, wherever the browser stands."""
    taken = []
    for zone in ("Asia/Shanghai", "America/New_York", "Pacific/Apia"):
        visitor = Visitor(chromium, served_demo, served_demo.operator, "en", CONTROL_ROOM, pictures, zone=zone)
        visitor.open("/staff/")
        taken.append(visitor.page.locator("#day-chart").screenshot())
        visitor.context.close()
    assert taken[0] == taken[1] == taken[2]


def test_switching_language_and_theme(chromium, served_demo: Served, pictures: Path) -> None:
    visitor = Visitor(chromium, served_demo, served_demo.operator, "zh-hans", CONTROL_ROOM, pictures)
    visitor.open("/staff/alarms/?state=open")
    visitor.page.click("button[name=language]")
    visitor.page.wait_for_load_state()
    assert visitor.page.get_attribute("html", "lang") == "en"
    assert visitor.page.url.endswith("/staff/alarms/?state=open")
    visitor.language = "en"
    visitor.open("/staff/")
    visitor.page.click("[data-theme-switch]")
    assert "dark" in (visitor.page.get_attribute("html", "class") or "")
    visitor.page.reload()
    assert "dark" in (visitor.page.get_attribute("html", "class") or "")
    assert visitor.complaints == []
    visitor.context.close()


def test_a_list_is_narrowed_and_exported(served_demo: Served) -> None:
    session = served_demo.session(served_demo.operator)
    everything = session.get(f"{served_demo.url}/staff/bids/?format=csv")
    assert everything.headers["Content-Type"].startswith("text/csv")
    assert everything.content.startswith("\ufeff".encode())
    spot = session.get(f"{served_demo.url}/staff/bids/?format=csv&product=spot").text.splitlines()
    assert len(everything.text.splitlines()) > len(spot) > 1
    assert all(",spot," in row for row in spot[1:])

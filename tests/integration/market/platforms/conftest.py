"""A platform, and a stand-in for the network: what was posted, and what the other side answers."""

from collections import deque
from datetime import UTC, datetime

import pytest

from aggregator.assets.models import Portfolio
from aggregator.enterprises.models import Park
from aggregator.support import http
from market.platforms import operations
from market.platforms.models import Platform

WALL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2025, 6, 22, 2, tzinfo=UTC)  # business time of a replayed day


def make_platform(code="ne-market", **changes):
    park, _ = Park.objects.get_or_create(
        code="demo",
        defaults={"name_zh": "示范园区", "name_en": "Demo", "province": "LN", "latitude": 41.8, "longitude": 123.4, "synthetic": True},
    )
    portfolio, _ = Portfolio.objects.get_or_create(park=park, code="main", defaults={"name_zh": "聚合单元", "name_en": "Main"})
    platform = Platform.objects.create(
        portfolio=portfolio, code=code, name_zh="平台", name_en="Platform", endpoint_url=f"https://{code}.example/inbox", **changes
    )
    operations.issue_secret(platform_id=platform.pk)
    platform.refresh_from_db()
    return platform


class Network:
    """Answers are taken from `answers`, then `then` for ever."""

    def __init__(self):
        self.calls, self.answers, self.then = [], deque(), 200
        self.retry_after = ""

    def post(self, *, url, body, headers, loopback_exception=""):
        self.calls.append({"url": url, "body": body, "headers": headers})
        status = self.answers.popleft() if self.answers else self.then
        return http.Answer(
            status=status, milliseconds=7, text="said", error="" if status else "no answer in time", retry_after=self.retry_after
        )


@pytest.fixture
def platform(db):
    return make_platform()


@pytest.fixture
def network(monkeypatch):
    network = Network()
    monkeypatch.setattr(http, "post", network.post)
    return network

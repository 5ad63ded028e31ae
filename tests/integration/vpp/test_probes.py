"""A supervisor on this machine asks for /livez and /readyz over plain http, under whatever name."""

import pytest


@pytest.fixture
def production(settings):
    settings.ALLOWED_HOSTS = ["vpp.example.org"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_answer_whatever_the_host_and_the_scheme(client, production, path):
    answer = client.get(path, headers={"host": "127.0.0.1:8000"})
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert not answer.cookies


@pytest.mark.django_db
def test_everything_else_is_https_under_an_allowed_name(client, production):
    assert client.get("/login/", headers={"host": "127.0.0.1:8000"}).status_code == 400
    assert client.get("/login/", headers={"host": "vpp.example.org"}).status_code == 301
    assert client.post("/livez", headers={"host": "127.0.0.1:8000"}).status_code == 400

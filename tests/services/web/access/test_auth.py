"""Who may come in: roles, sessions, other sites' pages, and the open door of a machine without tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.runtime.nats_server import EmbeddedServer
from services.web.access.auth import COOKIE, RIGHTS
from services.web.access.connections import HEALTH
from services.web.access.tokens import Role, Tokens
from tests.docs.generated import openapi

from ..conftest import ROLES, Site

PUBLIC = {("post", "/api/v1/session"), ("delete", "/api/v1/session"), *(("get", path) for path in HEALTH)}
NEEDS = {"facts": "say", "decisions": "decide", "state": "look", "session": None, "exports": "operate"}
NEEDS |= {"pages": "look", "policies": "operate", "past": "look", "imports": "operate", "errands": "operate"}
NEEDS |= {"downloads": "look", "tokens": "operate"}
LOOKS = {
    ("get", "/api/v1/errands"),
    ("get", "/api/v1/errands/{number}"),
    ("get", "/api/v1/exports"),
    ("get", "/api/v1/notes"),
    ("get", "/api/v1/policies"),
    ("get", "/api/v1/policies/{digest}"),
    ("get", "/api/v1/review/covered"),
}
LOOKS |= {("post", "/api/v1/policies/preview"), ("get", "/api/v1/lineage")}
DECIDES = {"/api/v1/tags/rename"}
FOR_ALL = {"/api/v1/stats", "/api/v1/reasons", "/api/v1/status", "/api/v1/events", "/api/v1/exporter", "/metrics"}
OPERATIONS = [
    (method, path, operation["tags"][0])
    for path, item in openapi()["paths"].items()
    for method, operation in item.items()
    if (method, path) not in PUBLIC
]
REFUSED = (401, 429)
"""A wrong token: 429 once its address has had many of them refused in a minute."""


def call(client: httpx.Client, method: str, path: str) -> httpx.Response:
    """The first part of an answer: a stream of events has no end."""
    content: dict[str, Any] = {"json": {}} if method == "post" else {}
    with client.stream(method, path.replace("{example_id}", "none").replace("{seq}", "0"), **content) as response:
        return response


@pytest.mark.parametrize(("method", "path", "tag"), OPERATIONS)
def test_nothing_is_shown_or_changed_without_a_token(site: Site, method: str, path: str, tag: str) -> None:
    assert call(site.client(), method, path).status_code == 401
    stranger = site.client()
    for wrong in ("Bearer rooflog_wrong", f"Basic {site.secrets['operator']}"):
        stranger.headers["Authorization"] = wrong
        assert call(stranger, method, path).status_code in REFUSED


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path", "tag"), OPERATIONS)
def test_a_role_may_do_only_what_its_rights_say(site: Site, role: Role, method: str, path: str, tag: str) -> None:
    right = None if path in FOR_ALL else "look" if (method, path) in LOOKS else NEEDS[tag]
    right = "decide" if path in DECIDES else right
    is_allowed = (right is None or right in RIGHTS[role]) and (method == "get" or role != "auditor")
    assert (call(site.client(role), method, path).status_code != 403) == is_allowed


def test_the_name_of_the_token_is_the_actor(site: Site) -> None:
    client = site.client("publisher")
    captured = client.post("/api/v1/examples", json={"prompt": "Who?", "response": "Me."}).json()
    history = site.client("auditor").get(f"/api/v1/examples/{captured['example_id']}/history").json()
    assert history["facts"][0]["fact"]["actor"] == "publisher"


def sign_in(site: Site, role: Role) -> httpx.Client:
    browser = site.client()
    answer = browser.post("/api/v1/session", json={"token": site.secrets[role]})
    assert answer.status_code == 200
    return browser


def test_scripts_and_other_sites_cannot_use_a_session(site: Site) -> None:
    browser = site.client()
    answer = browser.post("/api/v1/session", json={"token": site.secrets["reviewer"]})
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"))
    assert site.secrets["reviewer"] not in cookie
    me = browser.get("/api/v1/session").json()
    assert (me["name"], me["role"], me["is_open"]) == ("reviewer", "reviewer", False)
    assert browser.get("/api/v1/queue").status_code == 200


def test_a_cookie_that_a_browser_brought_never_becomes_a_session(site: Site) -> None:
    browser = site.client()
    browser.cookies.set(COOKIE, "planted")
    answer = browser.post("/api/v1/session", json={"token": site.secrets["reviewer"]})
    assert "planted" not in answer.headers["set-cookie"]
    planted = site.client()
    planted.cookies.set(COOKIE, "planted")
    assert planted.get("/api/v1/queue").status_code == 401


def test_signing_out_ends_the_session_everywhere(site: Site) -> None:
    browser = sign_in(site, "reviewer")
    copy = site.client()
    copy.cookies.update(browser.cookies)
    assert copy.get("/api/v1/queue").status_code == 200
    assert browser.delete("/api/v1/session", headers={"X-Rooflog-Page": "1"}).json() == {"ended": True}
    assert copy.get("/api/v1/queue").status_code == 401


def test_a_removed_token_ends_its_sessions(site: Site) -> None:
    secret = site.tokens.add("leaving", "reviewer")
    browser = site.client()
    browser.post("/api/v1/session", json={"token": secret})
    assert browser.get("/api/v1/queue").status_code == 200
    site.tokens.remove("leaving")
    assert browser.get("/api/v1/queue").status_code == 401
    assert browser.get("/api/v1/queue", headers={"Authorization": f"Bearer {secret}"}).status_code in REFUSED


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, False),
        ({"X-Rooflog-Page": "1"}, True),
        ({"Origin": "http://{host}"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "X-Rooflog-Page": "1"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_with_a_cookie_only_our_own_pages_change_anything(site: Site, headers: dict[str, str], is_ours: bool) -> None:
    browser = sign_in(site, "reviewer")
    host = site.url.removeprefix("http://")
    headers = {name: value.format(host=host) for name, value in headers.items()}
    answer = browser.post("/api/v1/examples", json={"prompt": "p", "response": "r"}, headers=headers)
    assert answer.status_code == (201 if is_ours else 403)
    if not is_ours:
        assert answer.json()["error"]["code"] == "cross_origin"


def test_another_sites_page_cannot_sign_a_browser_in(site: Site) -> None:
    answer = site.client().post(
        "/api/v1/session", json={"token": site.secrets["reviewer"]}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_every_answer_carries_the_headers_of_a_strict_page(site: Site) -> None:
    client = site.client("reviewer")
    for path in ("/api/v1/queue", "/nothing", "/api", "/static/reference.css", "/health", "/api/v1/examples/a.b"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
    assert client.get("/api/v1/queue").headers["cache-control"] == "no-store"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site without tokens."""
    with opened(tmp_path_factory.mktemp("open")) as site:
        yield site


@contextmanager
def opened(data_dir: Path, **settings: str) -> Iterator[Site]:
    with EmbeddedServer(data_dir):
        running = Site(data_dir, with_tokens=False, **settings)
        try:
            running.start("web")
            yield running
        finally:
            running.close()


def test_without_tokens_everybody_on_this_machine_is_the_operator(door: Site) -> None:
    me = door.client().get("/api/v1/session").json()
    assert (me["name"], me["role"], me["is_open"]) == ("tester", "operator", True)
    assert door.client().post("/api/v1/examples", json={"prompt": "p", "response": "r"}).status_code == 201


def test_without_tokens_whoever_signs_in_learns_that_there_are_none(door: Site) -> None:
    answer = door.client().post("/api/v1/session", json={"token": "some"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_tokens")
    assert "rooflog token add" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:80"}, {"Host": "[::"}, {"Host": ""}]
)
def test_without_tokens_a_name_that_points_here_is_refused(door: Site, headers: dict[str, str]) -> None:
    answer = door.client().get("/api/v1/session", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "wrong_host"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_without_tokens_another_sites_page_changes_nothing(door: Site, headers: dict[str, str]) -> None:
    answer = door.client().post("/api/v1/examples", json={"prompt": "p", "response": "r"}, headers=headers)
    assert answer.status_code == 403


def test_the_first_token_closes_the_door_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as door:
        assert door.client().get("/api/v1/session").status_code == 200
        Tokens(door.cli.data_dir / "tokens.json").add("ann", "reviewer")
        assert door.client().get("/api/v1/session").status_code == 401


def test_other_machines_are_let_in_only_with_tokens(tmp_path: Path) -> None:
    with opened(tmp_path, ROOFLOG_WEB_HOST="127.0.0.2") as door:
        client = door.client()
        client.base_url = door.url.replace("127.0.0.1", "127.0.0.2")
        assert client.get("/health/live").status_code == 200
        assert client.get("/sign-in").status_code == 200
        assert client.get("/api/v1/session").status_code == 401
        assert "rooflog token add" in (tmp_path / "web.err").read_text()
        secret = Tokens(tmp_path / "tokens.json").add("ann", "reviewer")
        assert client.get("/api/v1/session", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_a_port_that_is_taken_is_said_in_one_line(door: Site) -> None:
    port = door.url.rsplit(":", 1)[1]
    refused = door.cli.json("web", "--web-port", port, code=1)
    assert "choose another --web-port" in refused["error"]

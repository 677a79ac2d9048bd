"""Sessions outlive the service, end where they were ended, and their file lets nobody in."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.web.access import sessions
from services.web.access.sessions import Sessions
from services.web.access.tokens import Token, digest

from ..conftest import Site

ANN = Token("ann", "reviewer", digest("rooflog_secret"), datetime(2025, 3, 18, tzinfo=UTC))

BOB = Token("bob", "reviewer", digest("rooflog_another"), datetime(2025, 3, 18, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.json"


def test_a_session_outlives_the_service_and_ends_with_its_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie, ends = Sessions(path).start(ANN)
    found = Sessions(path).find(cookie)
    assert found is not None
    assert (found.token, found.ends) == (ANN.sha256, ends)
    assert Sessions(path).find(cookie + "x") is None
    monkeypatch.setattr("time.time", lambda: ends + 1)
    assert Sessions(path).find(cookie) is None


def test_the_file_is_private_and_holds_no_secret(path: Path) -> None:
    cookie, _ = Sessions(path).start(ANN)
    assert cookie not in path.read_text()
    assert "rooflog_secret" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Sessions(path).find(digest(cookie)) is None, "what is in the file is no cookie"


def test_a_session_that_was_ended_does_not_come_back(path: Path) -> None:
    signed_in = Sessions(path)
    cookie, _ = signed_in.start(ANN)
    assert signed_in.end(cookie)
    assert not signed_in.end(cookie)
    assert Sessions(path).find(cookie) is None


def test_the_oldest_of_too_many_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS", 3)
    signed_in = Sessions(path)
    cookies = [signed_in.start(ANN)[0] for _ in range(4)]
    assert [Sessions(path).find(cookie) is not None for cookie in cookies] == [False, True, True, True]


@pytest.mark.parametrize("limit", ["SESSIONS", "SESSIONS_OF_ONE"])
def test_many_sessions_of_one_token_end_no_others(path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(sessions, limit, 3)
    signed_in = Sessions(path)
    bobs, _ = signed_in.start(BOB)
    anns = [signed_in.start(ANN)[0] for _ in range(10)]
    again, _ = signed_in.start(BOB)
    assert Sessions(path).find(bobs)
    assert Sessions(path).find(again)
    assert Sessions(path).find(anns[-1])
    assert sum(Sessions(path).find(cookie) is not None for cookie in anns) <= 3


@pytest.mark.parametrize("content", [b"", b"{", b'{"sessions": {"a": 1}}', b"\xff"])
def test_a_damaged_file_signs_everybody_out_and_says_so(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    cookie, _ = Sessions(path).start(ANN)
    path.write_bytes(content)
    signed_in = Sessions(path)
    assert signed_in.find(cookie) is None
    assert "everybody has to sign in again" in caplog.text
    again, _ = signed_in.start(ANN)
    assert Sessions(path).find(again) is not None


def test_without_a_writable_file_sessions_last_with_the_service(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.write_text("a file where the folder should be")
    signed_in = Sessions(path)
    cookie, _ = signed_in.start(ANN)
    assert signed_in.find(cookie) is not None
    assert [r.levelno for r in caplog.records if "will not outlive" in r.message] == [logging.WARNING]


def test_sessions_outlive_a_restart_unless_the_token_is_removed(site: Site) -> None:
    signed_in = {}
    for name in ("staying", "leaving"):
        browser = site.client()
        secret = site.tokens.add(name, "reviewer")
        assert browser.post("/api/v1/session", json={"token": secret}).status_code == 200
        signed_in[name] = browser.cookies
    site.stop("web")
    site.tokens.remove("leaving")
    site.start("web")
    site.until_answering()
    told = {}
    for name, cookies in signed_in.items():
        browser = site.client(cookies=cookies)
        told[name] = browser.get("/api/v1/session").status_code
    assert told == {"staying": 200, "leaving": 401}

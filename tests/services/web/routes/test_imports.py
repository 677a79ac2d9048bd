"""Imports over HTTP: a file is uploaded and looked at, and nothing is imported before somebody says so."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services.web.access.limits import UPLOAD_BYTES
from tests.deadlines import FAR_SECONDS

from ..conftest import Site, until

FILE = {"Content-Type": "application/octet-stream"}


def lines(*prompts: str) -> bytes:
    rows = [{"prompt": prompt, "completion": "Lap the membrane four inches at every seam."} for prompt in prompts]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def upload(client: httpx.Client, content: bytes | Iterator[bytes], name: str = "old store.jsonl") -> dict[str, Any]:
    answer = client.post("/api/v1/imports", params={"name": name}, content=content, headers=FILE)
    assert answer.status_code == 201, answer.text
    uploaded: dict[str, Any] = answer.json()
    return uploaded


def ended(client: httpx.Client, number: str) -> dict[str, Any]:
    until(lambda: client.get(f"/api/v1/errands/{number}").json()["phase"] in ("done", "failed"))
    entry: dict[str, Any] = client.get(f"/api/v1/errands/{number}").json()
    return entry


def total(site: Site) -> int:
    return int(site.client("operator").get("/api/v1/stats").json()["total"])


def test_nothing_is_imported_before_somebody_says_so(site: Site) -> None:
    client, before = site.client("operator"), total(site)
    uploaded = upload(client, lines("Which lap has a seam?", "Which nail holds a shingle?") + b"no json\n")
    preview = ended(client, uploaded["preview"]["id"])
    result = preview["result"]
    assert (result["new"], result["existing"], result["problem_count"]) == (2, 0, 1)
    assert result["problems"][0]["file"] == "old store.jsonl"
    assert result["problems"][0]["line"] == 3
    assert sum(result["formats"].values()) == 2
    assert total(site) == before
    started = client.post(f"/api/v1/imports/{uploaded['file']}", json={})
    assert started.status_code == 202, started.text
    assert ended(client, started.json()["id"])["result"]["new"] == 2
    until(lambda: total(site) == before + 2)
    assert client.post(f"/api/v1/imports/{uploaded['file']}", json={}).status_code == 404
    assert not any((site.cli.data_dir / "uploads").iterdir()), "the file is kept no longer"


def test_a_known_file_says_that_it_is_known(site: Site) -> None:
    client = site.client("operator")
    for expected in ((1, 0), (0, 1)):
        uploaded = upload(client, lines("How is a valley lined?"))
        result = ended(client, uploaded["preview"]["id"])["result"]
        assert (result["new"], result["existing"]) == expected
        ended(client, client.post(f"/api/v1/imports/{uploaded['file']}", json={}).json()["id"])


def test_a_dropped_file_is_gone(site: Site) -> None:
    client = site.client("operator")
    uploaded = upload(client, lines("What is a cricket?"))
    ended(client, uploaded["preview"]["id"])
    assert client.delete(f"/api/v1/imports/{uploaded['file']}").json() == {"dropped": True}
    assert client.delete(f"/api/v1/imports/{uploaded['file']}").json() == {"dropped": False}


@pytest.mark.parametrize("name", ["../../tokens.json", "/etc/passwd", "-", "..", "a\0b", "--help"])
def test_a_name_leads_nowhere(site: Site, name: str) -> None:
    client = site.client("operator")
    uploaded = upload(client, lines("What is a ridge vent?"), name)
    entry = ended(client, uploaded["preview"]["id"])
    assert entry["phase"] == "done", entry
    client.delete(f"/api/v1/imports/{uploaded['file']}")


def test_a_file_that_is_too_large_is_refused_early(site: Site) -> None:
    host = urlsplit(site.url)
    head = f"POST /api/v1/imports?name=a HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: {UPLOAD_BYTES + 1}\r\n"
    head += f"Authorization: Bearer {site.secrets['operator']}\r\nContent-Type: application/octet-stream\r\n\r\n"
    with socket.create_connection((host.hostname, host.port), FAR_SECONDS) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


def test_a_large_file_goes_to_disk_in_pieces(site: Site) -> None:
    """More than all bodies in memory may have together."""
    client = site.client("operator")
    uploaded = upload(client, (b" " * 2**20 for _ in range(64)), "blank.jsonl")
    assert ended(client, uploaded["preview"]["id"])["result"]["lines"] == 0
    client.delete(f"/api/v1/imports/{uploaded['file']}")


def test_only_an_operator_uploads_and_no_form_does(site: Site) -> None:
    for role in ("publisher", "reviewer", "auditor"):
        answer = site.client(role).post("/api/v1/imports?name=a", content=b"{}", headers=FILE)
        assert answer.status_code == 403
    answer = site.client("operator").post("/api/v1/imports?name=a", data={"a": "b"})
    assert answer.status_code == 415

"""The compose files as an engine reads them, and what is played on a running installation, in containers or not."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from .web.conftest import until

ROOT = Path(__file__).parents[2]
ONE, CLUSTER = ROOT / "docker-compose.yml", ROOT / "compose.cluster.yml"
FILES = (ONE, CLUSTER)
DOCKERFILE = (ROOT / "Dockerfile").read_text()

Service = dict[str, Any]

_MERGED = ("environment", "deploy")
_JOINED = ("volumes", "secrets")


def services(file: Path, environment: Mapping[str, str] = os.environ) -> dict[str, Service]:
    """Every service of a file by its name, with what it extends and the values of variables in place."""
    document = yaml.safe_load(_filled(file.read_text(), environment))["services"]
    return {name: _whole(file, name, document, environment) for name in document}


def _whole(file: Path, name: str, document: Mapping[str, Service], environment: Mapping[str, str]) -> Service:
    own = dict(document[name])
    extended = own.pop("extends", None)
    if extended is None:
        return own
    if isinstance(extended, str):
        below = _whole(file, extended, document, environment)
    else:
        other = (file.parent / extended["file"]).resolve()
        below = services(other, environment)[extended["service"]]
    for key in _MERGED:
        if key in below and key in own:
            own[key] = below[key] | own[key]
    for key in _JOINED:
        if key in below and key in own:
            own[key] = below[key] + own[key]
    return below | own


def _filled(text: str, environment: Mapping[str, str]) -> str:
    """The text with `${NAME:-default}` and `${NAME:+value}` replaced."""

    def value(match: re.Match[str]) -> str:
        name, kind, other = match.groups()
        given = environment.get(name, "")
        return (given or other) if kind == "-" else (other if given else "")

    return re.sub(r"\$\{(\w+):([-+])([^}]*)\}", value, text)


def play(client: httpx.Client) -> dict[str, Any]:
    """Capture, review, export, as an operator; the result of the export, which holds the example."""
    said = {
        "prompt": "What is the minimum TPO seam overlap?",
        "response": "Overlap TPO sheets at least 3 inches and hot-air weld a seam of 1.5 inches; probe every seam.",
    }
    example = client.post("/api/v1/examples", json=said).raise_for_status().json()["example_id"]

    def queued() -> list[dict[str, Any]]:
        items = client.get("/api/v1/queue").raise_for_status().json()["items"]
        return [item for item in items if item["example_id"] == example]

    until(queued)
    decision = {"revision": queued()[0]["revision"], "reason": "checked against the guide"}
    client.post(f"/api/v1/examples/{example}/approve", json=decision).raise_for_status()
    job = client.post("/api/v1/exports", json={"min_examples": 1}).raise_for_status().json()["job"]
    until(lambda: client.get(f"/api/v1/jobs/{job}").raise_for_status().json()["result"])
    result: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()["result"]
    return result

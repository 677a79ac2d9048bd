"""Tokens over HTTP: an operator lets people in and shuts them out, and never locks the door behind themselves."""

from __future__ import annotations

from ..conftest import Site


def body(site: Site, name: str, role: str = "reviewer", own: str | None = None) -> dict[str, str]:
    return {"name": name, "role": role, "own_token": site.secrets["operator"] if own is None else own}


def test_a_token_is_shown_once_and_lets_in(site: Site) -> None:
    client = site.client("operator")
    made = client.post("/api/v1/tokens", json=body(site, "dora"))
    assert made.status_code == 201, made.text
    secret = made.json()["token"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert site.client().get("/api/v1/session", headers=headers).json()["role"] == "reviewer"
    listed = client.get("/api/v1/tokens")
    assert secret not in listed.text
    assert "sha256" not in listed.text
    assert [person["name"] for person in listed.json()["items"] if person["is_own"]] == ["operator"]
    assert client.delete("/api/v1/tokens/dora").status_code == 200
    assert site.client().get("/api/v1/session", headers=headers).status_code == 401
    assert client.delete("/api/v1/tokens/dora").status_code == 404


def test_a_browser_that_was_left_signed_in_lets_nobody_in(site: Site) -> None:
    client = site.client("operator")
    for own in ("", "guess", site.secrets["reviewer"]):
        assert client.post("/api/v1/tokens", json=body(site, "eve", "operator", own)).status_code == 403
    assert "eve" not in [token.name for token in site.tokens.all()]


def test_nobody_removes_their_own_token(site: Site) -> None:
    answer = site.client("operator").delete("/api/v1/tokens/operator")
    assert answer.status_code == 409
    assert site.client("operator").get("/api/v1/session").status_code == 200


def test_only_an_operator_sees_and_makes_tokens(site: Site) -> None:
    for role in ("publisher", "reviewer", "auditor"):
        client = site.client(role)
        assert client.get("/api/v1/tokens").status_code == 403
        assert client.post("/api/v1/tokens", json=body(site, "eve")).status_code == 403
        assert client.delete("/api/v1/tokens/auditor").status_code == 403


def test_no_trusted_token_is_made_in_a_browser(site: Site) -> None:
    answer = site.client("operator").post("/api/v1/tokens", json=body(site, "eve") | {"trusted": True})
    assert answer.status_code == 422

"""The tokens file: secrets are not in it, changes hold at once, a broken or lost file lets nobody in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.web.access.tokens import Tokens, TokensError

from ...conftest import Cli


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def test_a_secret_is_found_and_is_not_in_the_file(tokens: Tokens) -> None:
    secret = tokens.add("ann", "reviewer")
    found = tokens.find(secret)
    assert found is not None
    assert (found.name, found.role) == ("ann", "reviewer")
    assert secret not in tokens.path.read_text()
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    assert tokens.find(secret + "x") is None
    assert tokens.find("") is None
    assert tokens.find("ünï\udcff") is None


def test_another_process_sees_additions_and_removals_at_once(tokens: Tokens) -> None:
    other = Tokens(tokens.path)
    assert other.is_open
    first = tokens.add("ann", "reviewer")
    assert not other.is_open
    second = tokens.add("bob", "auditor")
    assert other.find(first)
    assert other.find(second)
    tokens.remove("ann")
    assert other.find(first) is None
    assert other.find(second)


def test_a_file_that_is_gone_closes_and_does_not_open(tokens: Tokens) -> None:
    secret = tokens.add("ann", "operator")
    assert tokens.find(secret)
    kept = tokens.path.read_bytes()
    tokens.path.unlink()
    assert tokens.find(secret) is None
    assert not tokens.is_open
    tokens.path.write_bytes(kept)
    assert tokens.find(secret)


def test_removing_the_last_token_closes(tokens: Tokens) -> None:
    secret = tokens.add("ann", "operator")
    tokens.remove("ann")
    assert not Tokens(tokens.path).is_open
    assert tokens.find(secret) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokens": [{"name": "ann"}]}', '{"token": []}', "\xff"])
def test_a_broken_file_is_an_error_and_no_open_door(tokens: Tokens, content: str) -> None:
    tokens.path.write_text(content, encoding="latin-1")
    assert not tokens.is_open
    with pytest.raises(TokensError, match="is no tokens file"):
        tokens.find("x")


def test_a_name_has_one_token(tokens: Tokens) -> None:
    tokens.add("ann", "reviewer")
    with pytest.raises(TokensError, match="rooflog token remove ann"):
        tokens.add("ann", "operator")
    for bad in ("", "a b", "-x", "a" * 65, "a\nb"):
        with pytest.raises(TokensError, match="is no name"):
            tokens.add(bad, "operator")
    with pytest.raises(TokensError, match="no token is called 'bob'"):
        tokens.remove("bob")


def test_tokens_at_the_command_line(cli: Cli) -> None:
    printed = cli.run("token", "add", "ann", "--role", "reviewer").stdout.strip()
    assert printed.startswith("rooflog_")
    assert Tokens(cli.data_dir / "tokens.json").find(printed)
    listed = cli.run("token", "list")
    assert "ann" in listed.stdout
    assert printed not in listed.stdout
    assert [one["role"] for one in cli.json("token", "list")["tokens"]] == ["reviewer"]
    assert cli.json("token", "add", "ann", "--role", "auditor", code=2)["kind"] == "TokensError"
    assert cli.json("token", "remove", "ann") == {"status": "removed", "name": "ann", "role": "reviewer"}
    assert cli.json("token", "remove", "ann", code=2)["status"] == "error"
    assert json.loads((cli.data_dir / "tokens.json").read_text()) == {"tokens": []}

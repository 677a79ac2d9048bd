"""A server is reached by any of its addresses, with a password, a key or a certificate, and no secret is shown."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path

import nkeys
import pytest
import trustme

from events import Rooflog
from events.errors import InputError, Unreachable
from events.log import read as reading
from events.log.access import Access, Secret
from events.log.log import Log
from tests.services.conftest import capture

from ..conftest import Nats

PASSWORD = "correct-horse-battery"  # noqa: S105


async def said_and_read(access: Access) -> int:
    """Say facts and read them in bulk; how many there are."""
    log = await Log.connect(access, timeout=30)
    await log.publish([capture() for _ in range(20)])
    count = len([message async for messages in log.read(0) for message in messages])
    await log.close()
    return count


@pytest.fixture(autouse=True)
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in bulk, and fail where that falls back to direct gets."""

    def refused(*_: object) -> None:
        raise AssertionError("it was not read in bulk")

    monkeypatch.setattr(reading, "LONG", 1)
    monkeypatch.setattr(reading, "from_sequence", refused)


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("127.0.0.1", "client"):
        made = authority.issue_cert(name)
        made.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        for block in made.cert_chain_pems:
            block.write_to_path(tmp_path / f"{name}.pem", append=True)
    return authority


def tls(home: Path, more: str = "") -> str:
    return f'tls {{ cert_file: "{home}/127.0.0.1.pem", key_file: "{home}/127.0.0.1.key" {more} }}\n'


@pytest.mark.usefixtures("authority")
async def test_tls_is_spoken_in_publishing_and_in_bulk(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats(tls(tmp_path))
    assert await said_and_read(Access.of(server.url, ca=str(tmp_path / "ca.pem"))) == 20
    with pytest.raises(Unreachable, match="certificate verify failed"):
        await Log.connect(Access.of(server.url.replace("nats:", "tls:")), timeout=5)


@pytest.mark.usefixtures("authority")
async def test_a_server_may_demand_a_certificate(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats(tls(tmp_path, f', ca_file: "{tmp_path}/ca.pem", verify: true'))
    ca, cert, key = (str(tmp_path / name) for name in ("ca.pem", "client.pem", "client.key"))
    assert await said_and_read(Access.of(server.url, ca=ca, cert=cert, key=key)) == 20
    async with Rooflog(server.url, outbox=tmp_path / "outbox", ca=ca, cert=cert, key=key) as client:
        client.capture("p", "r")
        assert await client.aflush(30)


async def test_an_nkey_proves_who_connects(nats: Callable[..., Nats], tmp_path: Path) -> None:
    pair = nkeys.from_seed(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER))
    (tmp_path / "user.nk").write_bytes(bytes(pair.seed) + b"\n")
    server = nats(f"authorization {{ users: [ {{ nkey: {pair.public_key.decode()} }} ] }}\n")
    assert await said_and_read(Access.of(server.url, nkey=str(tmp_path / "user.nk"))) == 20


async def test_a_credentials_file_proves_who_connects(nats: Callable[..., Nats], tmp_path: Path) -> None:
    """A server in operator mode: an operator signs accounts, an account signs users."""
    made = {"operator": nkeys.PREFIX_BYTE_OPERATOR, "user": nkeys.PREFIX_BYTE_USER}
    made |= dict.fromkeys(("account", "system"), nkeys.PREFIX_BYTE_ACCOUNT)
    pairs = {name: nkeys.from_seed(nkeys.encode_seed(bytes([n] * 32), made[name])) for n, name in enumerate(made)}
    names = {name: pair.public_key.decode() for name, pair in pairs.items()}
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    stores = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    claims: dict[str, dict[str, object]] = {
        "operator": {"type": "operator", "system_account": names["system"]},
        "system": {"type": "account", "limits": {**unlimited, "wildcards": True}},
        "account": {"type": "account", "limits": {**unlimited, **stores, "wildcards": True}},
        "user": {"type": "user", "subs": -1, "data": -1, "payload": -1},
    }
    tokens = {}
    for name, claim in claims.items():
        issuer = "account" if name == "user" else "operator"
        tokens[name] = _token(pairs[issuer], names[name], names[issuer], claim | {"version": 2})
    seed = bytes(pairs["user"].seed).decode()
    (tmp_path / "user.creds").write_text(
        f"-----BEGIN NATS USER JWT-----\n{tokens['user']}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    preloaded = "\n".join(f"{names[name]}: {tokens[name]}" for name in ("system", "account"))
    server = nats(
        f"operator: {tokens['operator']}\nsystem_account: {names['system']}\nresolver: MEMORY\n"
        f"resolver_preload: {{\n{preloaded}\n}}\n"
    )
    assert await said_and_read(Access.of(server.url, creds=str(tmp_path / "user.creds"))) == 20


def _token(issuer: nkeys.KeyPair, subject: str, issued_by: str, claim: dict[str, object]) -> str:
    """A JWT as NATS has them, signed by an issuer's key."""
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    body = {"jti": "x", "iat": 1_700_000_000, "iss": issued_by, "sub": subject, "name": "test", "nats": claim}
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (head, body))
    return b".".join((signed, _base64(issuer.sign(signed)))).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def test_any_of_several_addresses_will_do(nats: Callable[..., Nats]) -> None:
    assert await said_and_read(Access.of(f"nats://127.0.0.1:1, {nats().url}")) == 20


async def test_a_password_may_stand_in_a_file(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats(f"authorization {{ user: app, password: {PASSWORD} }}\n")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    environment = {"ROOFLOG_NATS_USER": "app", "ROOFLOG_NATS_PASSWORD_FILE": str(tmp_path / "password")}
    assert await said_and_read(Access.from_environment(server.url, {}, environment)) == 20


def test_who_connects_is_given_whole_or_taken_whole() -> None:
    environment = {"ROOFLOG_NATS_USER": "app", "ROOFLOG_NATS_PASSWORD": PASSWORD, "ROOFLOG_NATS_CA": "/ca"}
    made = Access.from_environment(None, {"secret": "/own"}, environment)
    assert (made.user, made.password, made.secret, made.ca) == (None, None, "/own", "/ca")


@pytest.mark.parametrize("name", ["secret", "creds", "nkey", "ca"])
def test_a_file_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(InputError, match="/nowhere/file"):
        Access.of("nats://a:1", **{name: "/nowhere/file"}).options()


async def test_no_secret_is_in_an_error(nats: Callable[..., Nats], caplog: pytest.LogCaptureFixture) -> None:
    server = nats(f"authorization {{ user: app, password: {PASSWORD} }}\n")
    url = server.url.replace("//", "//app:wrong-horse@")
    with pytest.raises(Unreachable) as refused:
        await Log.connect(url, timeout=1)
    assert "wrong-horse" not in f"{refused.value}{caplog.text}"
    assert PASSWORD not in repr([Access.of(url, user="app", password=PASSWORD), Secret("app", PASSWORD)])


async def test_each_address_that_lets_nobody_in_says_why(nats: Callable[..., Nats]) -> None:
    closed = nats(f"authorization {{ user: app, password: {PASSWORD} }}\n")
    await (await Log.connect(Access.of(closed.url, user="app", password=PASSWORD), timeout=30)).close()
    urls = f"nats://app:wrong-horse@127.0.0.1:1,{closed.url}"
    with pytest.raises(Unreachable) as refused:
        await Log.connect(urls, timeout=6)
    assert str(refused.value) == (
        f"the NATS server at {closed.url} refused: nats: 'Authorization Violation'; "
        "none answers at nats://127.0.0.1:1 (connection refused)"
    )


async def test_a_server_that_refuses_and_hangs_up_has_refused() -> None:
    answers = iter([b"-ERR 'Authorization Violation'\r\n"])

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload": 1048576}\r\n')
        await reader.readuntil(b"PING\r\n")
        writer.write(next(answers, b""))
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unreachable, match="refused: nats: 'Authorization Violation'"):
            await Log.connect(url, timeout=2)


async def test_whoever_one_address_names_connects_to_all(nats: Callable[..., Nats]) -> None:
    server = nats('authorization { user: app, password: "correct,horse" }\n')
    urls = f"nats://app:correct%2Chorse@127.0.0.1:1,{server.url}"
    assert await said_and_read(Access.of(urls)) == 20


async def test_a_name_without_a_password_is_a_token(nats: Callable[..., Nats]) -> None:
    server = nats(f"authorization {{ token: {PASSWORD} }}\n")
    assert await said_and_read(Access.of(server.url.replace("//", f"//{PASSWORD}@"))) == 20


@pytest.mark.parametrize(
    ("urls", "says"),
    [
        ("http://a:1", "'http://a:1' is no address of a NATS server; give nats://HOST:PORT"),
        ("nats://a:b", "'nats://a:b' is no address"),
        ("a:1,nats://b:70000", "'nats://b:70000' is no address"),
        ("nats://a/b", "'nats://a/b' is no address"),
        ("nats://app:correct,horse@a:1", "address 1 of 2 is no address of a NATS server"),
        ("nats://app:correct@a:1,nats://other:horse@b:1", "the addresses of the NATS servers name several users"),
    ],
)
def test_what_is_no_address_is_told_without_secrets(urls: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        Access.of(urls).options()
    assert says in str(refused.value)
    assert not any(word in str(refused.value) for word in ("correct", "horse"))

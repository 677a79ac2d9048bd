"""Tenants share a server and nothing else, whatever is tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from events.errors import InputError, RooflogError
from events.log.access import Access
from events.log.log import Log
from events.subjects import STREAM
from services.access import server_config
from services.access.connect import access_of
from services.access.roles import LOG, NAMES, Name
from services.access.secrets import Secrets, tenancies
from services.access.tenants import MARK, Tenant, Tenants, account_of, host_of, tenant_at
from services.runtime.nats_server import EmbeddedServer, ServerError
from services.state.protocol import ASK
from tests.services.conftest import ANSWER, Cli, capture
from tests.services.forked import Forked

from .tried import ATTEMPTS, comes_in

PROMPT = "How high must base flashing be?"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The data directory of a server with the tenants acme and beta."""
    for name in ("acme", "beta"):
        Secrets(Tenants(tmp_path).put(Tenant(name))).create()
    return tmp_path


@pytest.fixture
def shared(host: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(host) as server:
        yield server


def of(host: Path, server: EmbeddedServer, tenant: str, role: Name = "admin") -> Access:
    return access_of(Tenants(host).home(tenant), server.url, role)


async def connected(access: Access) -> Client:
    async def ignored(_: Exception) -> None:
        pass

    return await nats.connect(**access.options(), error_cb=ignored)


async def heard(client: Client, subjects: Sequence[str]) -> list[Msg]:
    """What comes in on subjects from now on."""
    messages: list[Msg] = []

    async def take(message: Msg) -> None:
        messages.append(message)

    for subject in subjects:
        await client.subscribe(subject, cb=take)
    await client.flush()
    return messages


async def test_no_role_of_a_tenant_reaches_another(host: Path, shared: EmbeddedServer) -> None:
    """Given everything that any role may try, with replies sent elsewhere, then the other account hears nothing."""
    beta = await Log.connect(of(host, shared, "beta"))
    await beta.publish([capture()])
    before = await beta.jetstream().stream_info(STREAM)
    spy = await connected(of(host, shared, "beta"))
    messages = await heard(spy, [">"])
    for role in NAMES:
        client = await connected(of(host, shared, "acme", role))
        for attempt in ATTEMPTS:
            subject = attempt.subject.format(who=role)
            for way in (subject, f"{account_of('beta', LOG)}.{subject}", f"$SYS.REQ.ACCOUNT.{subject}"):
                if attempt.does == "ask":
                    headers = {"Nats-Trace-Dest": "_INBOX.beta-admin.1", "Nats-Msg-Id": "1"}
                    await client.publish(way, attempt.data, reply="_INBOX.beta-admin.1", headers=headers)
        await client.close()
    await spy.flush()
    assert messages == []
    after = await beta.jetstream().stream_info(STREAM)
    assert (after.state, after.config) == (before.state, before.config)
    await spy.close()
    await beta.close()


async def test_no_role_of_a_tenant_hears_another(host: Path, shared: EmbeddedServer) -> None:
    listeners = [await connected(of(host, shared, "acme", role)) for role in NAMES]
    every = [await heard(client, [">", "$SYS.>", "_INBOX.>", f"{ASK}.>"]) for client in listeners]
    beta = await Log.connect(of(host, shared, "beta"))
    answering = await connected(of(host, shared, "beta", "projector"))

    async def answer(message: Msg) -> None:
        await message.respond(b"{}")

    await answering.subscribe(f"{ASK}.*", cb=answer)
    await answering.flush()
    await beta.publish([capture()])
    assert await beta.last_sequence() == 1
    await beta.request(f"{ASK}.stats", b"{}", timeout=60)
    for client in listeners:
        if not client.is_closed:
            await client.flush()
    assert [message for messages in every for message in messages] == []
    for client in (*listeners, answering):
        await client.close()
    await beta.close()


async def test_no_secret_lets_in_elsewhere(host: Path, shared: EmbeddedServer) -> None:
    for role in NAMES:
        mine, theirs = (
            json.loads(Secrets(host / "tenants" / name).path(role).read_text()) for name in ("acme", "beta")
        )
        assert mine["user"] == f"acme-{role}-1"
        assert not comes_in(Access.of(shared.url, user=theirs["user"], password=mine["password"]))
        assert comes_in(Access.of(shared.url, user=mine["user"], password=mine["password"]))


def test_a_tenant_is_an_installation_like_any_other(cli: Cli, start: Callable[..., Forked]) -> None:
    """Given two companies with the same question, then each sees, decides and erases its own alone."""
    homes = {name: Path(cli.json("tenant", "add", name)["data_dir"]) for name in ("acme", "beta")}
    clis = {"host": cli} | {name: Cli(home) for name, home in homes.items()}
    start("projector")
    ids = {
        name: one.json("capture", "--prompt", f"{PROMPT} {name}", "--response", ANSWER)["example_id"]
        for name, one in clis.items()
    }
    clis["acme"].run("approve", ids["acme"])
    clis["acme"].run("export", "--min-examples", "1")
    clis["acme"].run("erase", ids["acme"], "--reason", "asked to", "--yes")
    for name, one in clis.items():
        assert one.json("stats")["total"] == 1
        assert one.json("show", ids[name])["prompt"] == ("" if name == "acme" else f"{PROMPT} {name}")
        assert one.json("doctor", code=None)["status"] in {"sound", "trouble"}
        assert one.json("verify")["status"] == "verified"
    refused = clis["beta"].json("show", ids["acme"], code=2)
    assert ids["acme"] in refused["error"]


def test_a_tenant_that_is_closed_is_let_in_no_longer(cli: Cli, start: Callable[..., Forked]) -> None:
    start("projector")
    added = cli.json("tenant", "add", "acme", "--max-gib", "2")
    acme = Cli(Path(added["data_dir"]))
    acme.run("capture", "--prompt", PROMPT, "--response", ANSWER)
    closed = cli.json("tenant", "close", "acme")
    assert all(Path(kept).is_dir() for kept in closed["kept"])
    refused = acme.json("stats", code=1)
    assert "rooflog tenant add acme" in refused["error"]
    [entry] = cli.json("tenant", "list")["tenants"]
    assert (entry["tenant"], entry["is_closed"], entry["max_gib"]) == ("acme", True, 2)
    assert cli.json("tenant", "add", "acme")["max_gib"] == 2
    assert acme.json("stats")["total"] == 1


async def test_a_tenant_takes_no_more_disk_than_it_may(host: Path) -> None:
    Tenants(host).put(Tenant("acme", max_bytes=2**20))
    with EmbeddedServer(host) as server:
        acme, beta = [await Log.connect(of(host, server, name)) for name in ("acme", "beta")]
        with pytest.raises(RooflogError, match=r"space|storage|resource"):
            await acme.publish([capture(response="x" * 50_000) for _ in range(40)])
        await beta.publish([capture(response="x" * 50_000)])
        await acme.close()
        await beta.close()


def test_a_configuration_without_tenants_is_what_it_was(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.create()
    plain = server_config.document(secrets.users(), store="/store")
    assert tenancies(tmp_path) == {}
    assert server_config.document(secrets.users(), store="/store", tenants={}) == plain
    assert LOG in plain["accounts"]


@pytest.mark.parametrize("name", ["", "Acme", "1st", "a_b", "a b", "a.b", "../up", "a" * 32, "é"])
def test_what_is_no_name_of_a_tenant_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no name of a tenant"):
        Tenants(tmp_path).put(Tenant(name))
    assert list(tmp_path.iterdir()) == []


def test_a_tenant_has_no_tenants(host: Path) -> None:
    home = Tenants(host).home("acme")
    assert (host_of(home), host_of(host), tenant_at(host)) == (host, host, None)
    with pytest.raises(InputError, match="belongs to a tenant"):
        Tenants(home).put(Tenant("inner"))


def test_a_damaged_mark_is_named(host: Path) -> None:
    (Tenants(host).home("acme") / MARK).write_text("{")
    with pytest.raises(InputError, match=r"tenant\.json cannot be used"), EmbeddedServer(host):
        pass


def test_a_closed_tenant_starts_no_server(host: Path) -> None:
    home = Tenants(host).put(Tenant("acme", is_closed=True))
    with pytest.raises(ServerError, match="the tenant acme is closed"), EmbeddedServer(home):
        pass


def test_an_open_server_takes_no_tenants(cli: Cli) -> None:
    (cli.data_dir / "nats" / "store").mkdir(parents=True)
    assert "lets everybody in" in cli.json("tenant", "add", "acme", code=2)["error"]
    assert not (cli.data_dir / "tenants").exists()

"""Delivery: no trouble of the log reaches a caller, and what a caller was promised is on the log exactly once.

`ROOFLOG_KILL_CAPTURES=50000 pytest tests/events/client/test_delivery.py -k killed` runs the long version.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from nats.js import api

from events import OutboxFull, Rooflog
from events.client.outbox import SEGMENT_BYTES, Outbox
from events.log import stream
from events.log.log import Access, Log
from events.subjects import STREAM
from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import address

from ..conftest import Nats, kill, on_the_log, seconds, until
from .caller import returned

CAPTURES = int(os.environ.get("ROOFLOG_KILL_CAPTURES", "4000"))

NOBODY = "nats://127.0.0.1:1"


def captures(client: Rooflog, count: int, size: int = 200) -> list[str]:
    """Capture, and see that it never waits."""
    ids: list[str] = []
    took = seconds(lambda: ids.extend(client.capture(f"Question {n}?", "x" * size) for n in range(count)))
    assert took < 1 + count * 0.005
    return ids


def script(text: str, *args: object) -> subprocess.Popen[str]:
    """A Python process that runs the text; `args` are its `sys.argv[1:]`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, args)], stdout=subprocess.PIPE, text=True
    )


def caller(url: str, outbox: Path, ids: Path, count: int, seconds: int) -> subprocess.Popen[bytes]:
    """A process that captures so many in so many seconds."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.events.client.caller", url, outbox, ids, str(count), str(seconds)]
    )


async def exactly_once(access: Access, ids: list[str]) -> None:
    """Every id is on the log, once, and nothing else is."""
    log = await Log.connect(access, timeout=30)
    found = await on_the_log(log)
    await log.close()
    assert set(ids) - found.keys() == set()
    assert set(found.values()) <= {1}


async def test_a_log_that_is_away_is_waited_for(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats(start=False)
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    ids = captures(client, 1200)
    assert not client.flush(0.2)
    assert (client.stats().waiting, client.stats().is_connected) == (1200, False)
    server.start()
    assert await client.aflush(30)
    assert (client.stats().waiting, client.stats().published, client.stats().problem) == (0, 1200, None)
    await exactly_once(server.access(), ids)
    await client.aclose()


async def test_a_log_that_is_killed_and_comes_back_costs_nothing(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats()
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    ids = captures(client, 100)
    assert await client.aflush(30)
    server.kill()
    ids += captures(client, 700)
    await until(lambda: not client.stats().is_connected)
    assert not client.flush(0.1)
    server.start()
    assert await client.aflush(30)
    await exactly_once(server.access(), ids)
    await client.aclose()


async def test_a_log_that_hangs_reaches_no_caller(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats()
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    ids = captures(client, 10)
    assert await client.aflush(30)
    server.signal(signal.SIGSTOP)
    try:
        ids += captures(client, 1500)
        assert not client.flush(0.3)
    finally:
        server.signal(signal.SIGCONT)
    assert await client.aflush(60)
    await exactly_once(server.access(), ids)
    await client.aclose()


async def test_a_log_whose_disk_is_full_is_waited_for(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats(jetstream="max_file_store: 200KB")
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    rng = random.Random(1)
    ids = [client.capture(f"Question {n}?", rng.randbytes(2000).hex()) for n in range(400)]
    await until(lambda: "the log refused the facts" in str(client.stats().problem))
    assert client.stats().waiting > 0
    assert client.stats().set_aside == client.stats().dropped == 0
    server.kill()
    server.config.write_text(server.config.read_text().replace("200KB", "1GB"))
    server.start()
    assert await client.aflush(30)
    await exactly_once(server.access(), ids)
    await client.aclose()


async def test_wrong_credentials_are_told_and_nothing_is_lost(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats("authorization { user: app, password: right }\n")
    wrong = Rooflog(server.url, outbox=tmp_path / "outbox", user="app", password="wrong")
    ids = captures(wrong, 20)
    await until(lambda: "Authorization" in str(wrong.stats().problem))
    assert not wrong.close(0)
    right = Rooflog(server.url, outbox=tmp_path / "outbox", user="app", password="right")
    await until(lambda: right.stats().published == 20)
    log = await Log.connect(Access.of(server.url, user="app", password="right"))
    assert (await on_the_log(log)).keys() == set(ids)
    await log.close()
    await right.aclose()


async def test_a_permission_that_is_missing_is_told(nats: Callable[..., Nats], tmp_path: Path) -> None:
    server = nats(
        """authorization { users: [
             { user: all, password: x }
             { user: some, password: x, permissions: { publish: { deny: "training.>" }, subscribe: ">" } } ] }\n"""
    )
    log = await Log.connect(Access.of(server.url, user="all", password="x"), timeout=30)
    await log.close()
    client = Rooflog(server.url, outbox=tmp_path / "outbox", user="some", password="x")
    captures(client, 1)
    await until(lambda: "this user may not use training." in str(client.stats().problem))
    assert client.stats().waiting == 1
    await client.aclose(0)


async def test_a_stream_that_forgets_gets_no_facts(nats: Callable[..., Nats], tmp_path: Path) -> None:
    """Where nobody has a role: else the administrator alone makes the stream, and a client sees nothing of it."""
    server = nats()
    log = await Log.connect(server.access(), timeout=30, create=False)
    js = log.client.jetstream()
    await js.add_stream(api.StreamConfig(name=STREAM, subjects=["training.>"], max_age=60, allow_direct=True))
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    ids = captures(client, 3)
    await until(lambda: "rooflog needs" in str(client.stats().problem))
    await js.delete_stream(STREAM)
    await stream.ensure(log)
    await log.close()
    assert await client.aflush(30)
    await exactly_once(server.access(), ids)
    await client.aclose()


async def test_a_fact_that_the_log_never_takes_is_set_aside(
    server: EmbeddedServer, log: Log, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = (await log.client.jetstream().stream_info(STREAM)).config
    config.max_msg_size = 100_000
    await log.client.jetstream().update_stream(config)
    client = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    ids = captures(client, 5)
    large = client.capture("Too large?", "x" * 900_000)
    ids += captures(client, 5)
    assert not await client.aflush(30)
    assert await client.aflush(30)
    assert (client.stats().set_aside, client.stats().waiting) == (1, 0)
    (line,) = (tmp_path / "outbox" / "set_aside.jsonl").read_text().splitlines()
    assert json.loads(line)["fact"]["example_id"] == large
    assert "the log refused it for good" in json.loads(line)["reason"]
    assert "set aside" in caplog.text
    await exactly_once(server.access(), ids)
    await client.aclose()


async def test_the_one_refused_message_of_a_batch_is_found(server: EmbeddedServer, log: Log, tmp_path: Path) -> None:
    js = log.client.jetstream()
    config = (await js.stream_info(STREAM)).config
    config.max_msg_size = 3000
    await js.update_stream(config)
    client = Rooflog(NOBODY, outbox=tmp_path / "outbox")
    ids = [client.capture(f"Question {n}?", "x" * (4000 if n in (3, 250, 251) else 100)) for n in range(400)]
    client.close(0)
    heir = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    await until(lambda: heir.stats().published == 397)
    assert heir.stats().set_aside == 3
    lines = (tmp_path / "outbox" / "set_aside.jsonl").read_text().splitlines()
    assert [json.loads(line)["fact"]["example_id"] for line in lines] == [ids[3], ids[250], ids[251]]
    await exactly_once(server.access(), [each for n, each in enumerate(ids) if n not in (3, 250, 251)])
    await heir.aclose()


def test_a_full_outbox_counts_lost_captures_and_refuses_feedback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = Rooflog(NOBODY, outbox=tmp_path, max_bytes=SEGMENT_BYTES)
    captures(client, 300, 10_000)
    stats = client.stats()
    assert 80 < stats.said < 105
    assert (stats.dropped, stats.waiting) == (300 - stats.said, stats.said)
    assert stats.outbox_bytes <= stats.max_bytes
    assert caplog.text.count("LOST") == 1
    with pytest.raises(OutboxFull):
        client.feedback("a", "negative", comment="x" * 60_000)
    assert not client.close(0)


@pytest.mark.parametrize("at", [1, 300])
async def test_after_a_kill_the_next_process_publishes_what_was_returned(
    server: EmbeddedServer, log: Log, tmp_path: Path, at: int
) -> None:
    ids = tmp_path / "ids"
    ids.touch()
    process = caller(NOBODY, tmp_path / "outbox", ids, 100_000, 60)
    await until(lambda: len(returned(ids)) >= at)
    kill(process.pid)
    process.wait(30)
    heir = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    await until(lambda: heir.stats().published >= len(returned(ids)))
    await heir.aclose()
    await exactly_once(server.access(), returned(ids))
    assert list((tmp_path / "outbox").iterdir()) == []


async def test_publishing_again_what_a_killed_process_had_published_doubles_nothing(
    server: EmbeddedServer, log: Log, tmp_path: Path
) -> None:
    """The moment between the log's acknowledgement and the note of it, stretched: the same segment twice."""
    client = Rooflog(NOBODY, outbox=tmp_path / "outbox")
    ids = captures(client, 700)
    client.close(0)
    (tmp_path / "copy").mkdir()
    for segment in (tmp_path / "outbox").iterdir():
        shutil.copy(segment, tmp_path / "copy")
    for outbox in ("outbox", "copy"):
        heir = Rooflog(server.access("client"), outbox=tmp_path / outbox)
        await until(lambda heir=heir: heir.stats().published + heir.stats().existing == 700)  # type: ignore[misc]
        assert heir.stats().existing == (700 if outbox == "copy" else 0)
        await heir.aclose()
    await exactly_once(server.access(), ids)


async def test_a_forked_child_says_its_own_facts(server: EmbeddedServer, log: Log, tmp_path: Path) -> None:
    """Both before and after the fork, both in parent and child; and the parent's lock does not live on in the child."""
    process = script(
        """
        import os, sys
        from events import Rooflog
        client = Rooflog(sys.argv[1], outbox=sys.argv[2])
        before = [client.capture(f"before {n}", "r") for n in range(300)]
        pid = os.fork()
        mine = [client.capture(f"{pid} {n}", "r") for n in range(300)]
        told = ("\\n".join(before + mine) + "\\n").encode()
        assert client.flush(30), client.stats()
        assert client.stats().waiting == 0
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
        os.write(1, told)
        os._exit(0 if client.close() else 1)
        """,
        address(server, "client"),
        tmp_path / "outbox",
    )
    told, _ = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0
    ids = told.split()
    assert len(set(ids)) == 900
    await exactly_once(server.access(), ids)
    assert list((tmp_path / "outbox").iterdir()) == []


async def test_a_parents_facts_are_adopted_while_its_child_lives(
    server: EmbeddedServer, log: Log, tmp_path: Path
) -> None:
    process = script(
        """
        import os, sys, time
        from events import Rooflog
        client = Rooflog("nats://127.0.0.1:1", outbox=sys.argv[1])
        example_id = client.capture("q", "r")
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        print(example_id, pid, flush=True)
        os._exit(0)
        """,
        tmp_path / "outbox",
    )
    assert process.stdout is not None
    example_id, child = (await asyncio.to_thread(process.stdout.readline)).split()
    process.wait(30)
    heir = Rooflog(server.access("client"), outbox=tmp_path / "outbox")
    await until(lambda: heir.stats().published == 1)
    kill(int(child))
    process.stdout.close()
    await heir.aclose()
    await exactly_once(server.access(), [example_id])


@pytest.mark.parametrize("url", ["server", NOBODY])
async def test_a_program_that_just_ends_loses_nothing(
    server: EmbeddedServer, log: Log, tmp_path: Path, url: str
) -> None:
    process = script(
        """
        import sys
        from events import Rooflog
        client = Rooflog(sys.argv[1], outbox=sys.argv[2])
        print(client.capture("q", "r"))
        """,
        address(server, "client") if url == "server" else url,
        tmp_path / "outbox",
    )
    told, _ = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 0
    if url == NOBODY:
        async with Rooflog(server.access("client"), outbox=tmp_path / "outbox") as heir:
            await until(lambda: heir.stats().published == 1)
    await exactly_once(server.access(), [told.strip()])


async def test_facts_can_be_synced_to_this_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(Outbox, "sync", lambda outbox: synced.append(outbox.said))
    client = Rooflog(NOBODY, outbox=tmp_path, sync_seconds=0.01)
    captures(client, 3)
    await until(lambda: synced and synced[-1] == 3)
    client.close(0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
async def test_killed_anywhere_every_returned_id_is_on_the_log_once(tmp_path: Path, seed: int) -> None:
    """Four processes share one outbox; the server is killed again and again, two of the processes once."""
    rng = random.Random(seed)
    each, outbox = CAPTURES // 4, tmp_path / "outbox"
    files = [tmp_path / f"ids{n}" for n in range(4)]
    with EmbeddedServer(tmp_path) as server:
        await (await Log.connect(server.access())).close()
        callers = []
        for file in files:
            file.touch()
            callers.append(caller(address(server, "client"), outbox, file, each, 6))
        doomed = {0: rng.randrange(each // 10, each // 2), 1: rng.randrange(each // 2, each - each // 10)}
        while any(caller.poll() is None for caller in callers):
            for number, fate in list(doomed.items()):
                if len(returned(files[number])) >= fate:
                    kill(callers[number].pid)
                    del doomed[number]
            if rng.random() < 0.1:
                kill(server.pid)
                await asyncio.sleep(rng.uniform(0, 0.3))
                while not await asyncio.to_thread(server.revive):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(rng.uniform(0.01, 0.1))
        assert doomed == {}
        assert [caller.wait(30) for caller in callers] == [-signal.SIGKILL, -signal.SIGKILL, 0, 0]
        heir = Rooflog(server.access("client"), outbox=outbox)
        await until(lambda: not list(outbox.glob("*.facts")))
        assert heir.stats().dropped == heir.stats().set_aside == 0
        await heir.aclose()
        ids = [example_id for file in files for example_id in returned(file)]
        assert len(ids) > 2 * each
        await exactly_once(server.access(), ids)

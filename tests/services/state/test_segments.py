"""Sealed segments: a database made from them is the one that the log gives, and nothing is lost with any of them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from events.errors import RooflogError
from events.log.log import Log
from projections.fold import batch_file
from projections.fold.content_digest import content_digest
from projections.store import segments as table
from projections.store.batch import Batch
from projections.store.segments import Segment
from services.history.as_of import as_of
from services.integrity import erasure
from services.integrity.verification import verify
from services.projector.rebuild import Plan
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state import decoder_pool, segments
from services.state.client import State
from services.state.owner import Owner
from tests.deadlines import FAR_SECONDS

from ..conftest import address, capture
from ..projector.test_rebuild import beside, run, say
from ..projector.test_service import rebuilt_digest, until_running

SIZE, READ = 100, 20
MARKER = "Kowalczyk77"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "SIZE", SIZE)
    monkeypatch.setattr(decoder_pool, "READ", READ)
    monkeypatch.setattr("services.state.owner.FAR", 0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The stretches that were read from the log since: their first and last sequences."""
    stretches = []

    async def noted(log: Log, after: int, last: int) -> AsyncGenerator[Batch]:
        stretches.append((after + 1, last))
        async with aclosing(decoder_pool.decoded(log, after, last)) as batches:
            async for batch in batches:
                yield batch

    monkeypatch.setattr(segments, "decoded", noted)
    return stretches


async def say_everything(log: Log, count: int = 330) -> None:
    """A history with junk, an id that was captured twice, a policy, and a message that is gone for an erasure."""
    twice = capture("Twice?", example_id="twice")
    await log.publish([twice, capture(f"How high is the roof of {MARKER}?", example_id="gone")])
    await log.publish([replace(capture("Twice, again?"), example_id="twice")])
    await say(log, count)


async def folded(log: Log, folder: Path) -> Owner:
    owner = Owner(folder / "rooflog.duckdb")
    await owner.catch_up(log)
    return owner


def sealed(owner: Owner) -> list[Segment]:
    return table.known(owner.projector.con)


def files(owner: Owner) -> list[Path]:
    return sorted(owner.files.segments.path.glob("*"))


def told(path: Path) -> str:
    """Everything that a file says, its blocks decoded, up to where it ends or breaks off."""
    batches: list[Batch] = []
    with path.open("rb") as file, suppress(pa.ArrowException, OSError):
        batches.extend(batch_file.read(file))
    tables = [rows for batch in batches for rows in (batch.messages, *batch.rows.values())]
    return repr([rows.to_pylist() for rows in tables] + [(b.quarantined, b.erased) for b in batches])


async def test_a_rebuild_reads_segments_and_equals_the_log(
    log: Log, tmp_path: Path, read: list[tuple[int, int]]
) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    before = sealed(owner)
    assert [(one.first, one.last) for one in before] == [(1, 100), (101, 200), (201, 300)]
    assert [path.stat().st_mode & 0o777 for path in files(owner)] == [0o600] * 3
    right = content_digest(owner.projector.con)
    kept = owner.projector.con.execute("SELECT seq, data FROM quarantine ORDER BY seq").fetchall()
    read.clear()
    await run(log, owner, Plan())
    assert read == [(301, 336)]
    assert sealed(owner) == before
    assert content_digest(owner.projector.con) == right == await rebuilt_digest(log)
    assert owner.projector.con.execute("SELECT seq, data FROM quarantine ORDER BY seq").fetchall() == kept != []
    owner.close()


@pytest.mark.parametrize("plan", [Plan(from_log=True), Plan(verify=True)])
async def test_who_wants_the_log_reads_the_log(
    log: Log, tmp_path: Path, read: list[tuple[int, int]], plan: Plan
) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    before = [(path.name, path.stat().st_mtime_ns) for path in files(owner)]
    read.clear()
    assert (await run(log, owner, plan))["status"] == "rebuilt"
    assert read == [(1, 336)]
    after = [(path.name, path.stat().st_mtime_ns) for path in files(owner)]
    assert [name for name, _ in after] == [name for name, _ in before]
    assert {written for _, written in after}.isdisjoint(written for _, written in before)
    owner.close()


async def test_verification_reads_no_segment(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    monkeypatch.setattr(segments.Folder, "open", lambda *_: pytest.fail("a segment was opened"))
    assert (await verify(log, State(log, owner, None))).problems == []
    async with as_of(Settings(data_dir=tmp_path), log, 336) as state:  # as an audit does
        assert (await state.ask("digest"))["content_digest"] == content_digest(owner.projector.con)
    owner.close()


def flip(path: Path, _: list[Path]) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def occupy(path: Path, _: list[Path]) -> None:
    path.unlink()
    path.mkdir()


DAMAGED: dict[str, Callable[[Path, list[Path]], object]] = {
    "a bit is flipped": flip,
    "truncated": lambda path, _: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path, _: path.write_bytes(b""),
    "missing": lambda path, _: path.unlink(),
    "foreign": lambda path, others: shutil.copy(others[2], path),
    "no file": occupy,
}


@pytest.mark.parametrize("damage", DAMAGED)
async def test_a_damaged_segment_is_read_from_the_log(
    log: Log, tmp_path: Path, read: list[tuple[int, int]], damage: str
) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    right, before = content_digest(owner.projector.con), sealed(owner)
    path = owner.files.segments.file(before[1])
    DAMAGED[damage](path, files(owner))
    read.clear()
    await run(log, owner, Plan())
    assert read == [(101, 200), (301, 336)]
    assert content_digest(owner.projector.con) == right
    assert [one.first for one in sealed(owner)] == ([1, 201] if damage == "no file" else [1, 101, 201])
    if damage != "no file":
        read.clear()
        await run(log, owner, Plan())
        assert read == [(301, 336)]
    owner.close()


@pytest.mark.parametrize("column", ["decoder", "begins_at", "entry", "digest"])
async def test_a_segment_of_something_else_is_not_used(
    log: Log, tmp_path: Path, read: list[tuple[int, int]], column: str
) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    right = content_digest(owner.projector.con)
    owner.projector.con.execute(f"UPDATE segments SET {column} = 'x' WHERE first = 101")
    read.clear()
    await run(log, owner, Plan())
    assert read == ([(101, 336)] if column == "begins_at" else [(101, 200), (301, 336)])
    assert content_digest(owner.projector.con) == right
    owner.projector.con.execute("UPDATE segments SET decoder = 'older'")
    owner.close()
    owner = Owner(tmp_path / "rooflog.duckdb")
    assert (sealed(owner), files(owner)) == ([], [])
    owner.close()


async def test_another_log_than_the_folded_one_is_found(log: Log, tmp_path: Path) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    (tmp_path / "other").mkdir()
    with EmbeddedServer(tmp_path / "other") as server:
        other = await Log.connect(server.access())
        await say_everything(other)
        with pytest.raises(RooflogError, match="up to sequence 336 the log is not what the live tables"):
            await run(other, owner, Plan())
        await run(other, owner, Plan(from_log=True))
        assert content_digest(owner.projector.con) == await rebuilt_digest(other)
        assert [one.first for one in sealed(owner)] == [1, 101, 201]
        assert len(files(owner)) == 3
        await other.close()
    owner.close()


async def test_what_was_folded_live_is_sealed_alike(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await say_everything(log)
    at_once = await folded(log, tmp_path / "at once")
    monkeypatch.setattr("services.state.owner.FAR", 10**9)
    live = await folded(log, tmp_path / "live")
    assert sealed(live) == []
    await live.seal(log, asyncio.Lock(), asyncio.Lock())
    assert sealed(live) == sealed(at_once)
    names = [path.name for path in files(at_once)]
    assert [path.name for path in files(live)] == names
    live.projector.con.execute("DELETE FROM segments WHERE first = 101")
    live.projector.con.execute("UPDATE chain SET entry = 'x'::BLOB WHERE seq = 150")
    await live.seal(log, asyncio.Lock(), asyncio.Lock())
    assert [one.first for one in sealed(live)] == [1, 201], "the log is not what was folded there"
    at_once.close()
    live.close()


@pytest.mark.parametrize("seq", [0, 99, 100, 250, 336])
async def test_looking_back_reads_whole_segments_below(
    log: Log, tmp_path: Path, read: list[tuple[int, int]], seq: int
) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    read.clear()
    async with as_of(Settings(data_dir=tmp_path), log, seq, live=State(log, owner, None)) as state:
        digest = await state.ask("digest")
        assert read == ([] if seq % SIZE == 0 else [(seq - seq % SIZE + 1, seq)])
    async with as_of(Settings(data_dir=tmp_path), log, seq) as state:
        assert digest == await state.ask("digest")
    assert len(files(owner)) == 3
    owner.close()


async def test_an_erasure_reaches_segments_before_it_is_complete(
    log: Log, tmp_path: Path, read: list[tuple[int, int]]
) -> None:
    await say_everything(log)
    owner = await folded(log, tmp_path)
    assert [MARKER in told(path) for path in files(owner)] == [True, False, False]
    await erasure.erase(log, State(log, owner, None), ["gone"], reason="asked", actor="ann")
    assert {2, 5, 48, 254} == await log.deleted(), "what an earlier tombstone had left goes as well"
    assert [MARKER in told(path) for path in files(owner)] == [False]
    assert [one.first for one in sealed(owner)] == [101]
    await owner.seal(log, asyncio.Lock(), asyncio.Lock())
    assert [(one.first, one.erased) for one in sealed(owner)] == [(1, 3), (101, 0), (201, 1)]
    assert [MARKER in told(path) for path in files(owner)] == [False] * 3
    read.clear()
    await run(log, owner, Plan())
    assert read == [(301, 339)]
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()


async def test_what_waits_for_its_erasure_is_not_sealed(log: Log, tmp_path: Path) -> None:
    """The tombstone is on the log and the text is still there: the process that erases was killed in between."""
    await say_everything(log)
    owner = await folded(log, tmp_path)
    state = State(log, owner, None)
    found = await erasure.plan(log, state, "gone")
    await erasure.bury(log, found.taken, reason="asked", actor="ann")
    for plan in (Plan(), Plan(from_log=True)):
        await owner.catch_up(log)
        await owner.seal(log, asyncio.Lock(), asyncio.Lock())
        await run(log, owner, plan)
        assert [one.first for one in sealed(owner)] == [101, 201]
        assert not any(MARKER in told(path) for path in files(owner))
    await erasure.remove(log)
    await owner.seal(log, asyncio.Lock(), asyncio.Lock())
    assert [one.first for one in sealed(owner)] == [1, 101, 201]
    assert not any(MARKER in told(path) for path in files(owner))
    owner.close()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from events.log.log import Log
from projections.fold import batch_file
from projections.store import segments
from services.state import decoder_pool, owner
from services.state.segments import Sealing

segments.SIZE, decoder_pool.READ, owner.FAR = 100, 20, 0
url, folder, module, name, times = sys.argv[1:]
holder = {"batch_file": batch_file, "sealing": Sealing, "segments": segments}[module]
plain, left = getattr(holder, name), [int(times)]

def killed(*args):
    result = plain(*args)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

async def main():
    log = await Log.connect(url)
    setattr(holder, name, killed)
    await owner.Owner(Path(folder) / "rooflog.duckdb").catch_up(log)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("module", "name", "times"),
    [("batch_file", "write", 3), ("batch_file", "write", 8), ("sealing", "_end", 2), ("segments", "keep", 3)],
)
async def test_killed_while_sealing_nothing_is_left_and_nothing_lost(
    log: Log, server: EmbeddedServer, tmp_path: Path, module: str, name: str, times: int
) -> None:
    await say_everything(log)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, address(server), tmp_path, module, name, str(times), stderr=subprocess.DEVNULL
    )
    assert await process.wait() == -signal.SIGKILL
    left = list((tmp_path / "rooflog.segments").iterdir())
    assert left
    owner = Owner(tmp_path / "rooflog.duckdb")
    assert {path.name for path in files(owner)} == {owner.files.segments.file(one).name for one in sealed(owner)}
    assert not any(path.name.startswith("part") for path in files(owner))
    await owner.catch_up(log)
    await owner.seal(log, asyncio.Lock(), asyncio.Lock())
    assert [one.first for one in sealed(owner)] == [1, 101, 201]
    await run(log, owner, Plan())
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()


SERVED = """
import asyncio, sys
from pathlib import Path
from projections.store import segments
from services.projector import service
from services.settings import Settings
from services.state import decoder_pool

segments.SIZE, decoder_pool.READ, service.SEAL_SECONDS = 100, 20, 0.05
url, folder = sys.argv[1:]
sys.exit(asyncio.run(service.serve(Settings(data_dir=Path(folder)), url)))
"""


async def test_a_running_projector_seals_and_an_erasure_waits_for_it(
    log: Log, server: EmbeddedServer, tmp_path: Path
) -> None:
    await say_everything(log)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVED, address(server), tmp_path)
    try:
        await until_running(log)
        state, folder = State(log, None, None), tmp_path / "rooflog.segments"

        async def are_sealed() -> list[Path]:
            async with asyncio.timeout(FAR_SECONDS):
                # What an erasure has yet to take away takes its segment with it.
                while len(await state.ask("segments")) < 3 or any((await state.ask("erasing")).values()):
                    await asyncio.sleep(0.02)
            return list(folder.glob("*.arrow"))

        assert sum(MARKER in told(path) for path in await are_sealed()) == 1
        await erasure.erase(log, state, ["gone"], reason="asked", actor="ann")
        process.send_signal(signal.SIGSTOP)
        while Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
            await asyncio.sleep(0.001)
        assert not any(MARKER in told(path) for path in folder.iterdir())
        process.send_signal(signal.SIGCONT)
        assert not any(MARKER in told(path) for path in await are_sealed())
        assert (await state.ask("digest"))["content_digest"] == await rebuilt_digest(log)
    finally:
        process.kill()
        await process.wait()


async def test_a_full_disk_costs_the_segment_alone(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await say_everything(log)
    plain = batch_file.write
    broken: list[Any] = []

    def full(file: Any, batch: Batch, messages: Any) -> None:
        if batch.first == 141:
            broken.append(file)
            raise OSError(28, "No space left on device")
        plain(file, batch, messages)

    monkeypatch.setattr(batch_file, "write", full)
    owner = await folded(log, tmp_path)
    assert broken
    assert [one.first for one in sealed(owner)] == [1, 201]
    assert len(files(owner)) == 2
    assert content_digest(owner.projector.con) == await rebuilt_digest(log)
    owner.close()


async def test_a_small_log_has_no_segments(log: Log, tmp_path: Path) -> None:
    await say(log, SIZE - 10)
    owner = await folded(log, tmp_path)
    await run(log, owner, Plan(from_log=True))
    assert beside(owner.files) == {"rooflog.previous.duckdb"}
    owner.close()

"""Search: a word is found in every kind of file, also where its bytes do not stand there."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer

from ..projections.given import Raw, fold, fold_sealed, given
from .conftest import Cli
from .search import COMPRESSED_BLOCK, S2_STREAM, block, forms, holding

HALVES = ("Kowalczyk-of-the-northern-", "tower-beside-the-depot-77")
WORD = "".join(HALVES)
TEXT = f"{HALVES[1]} and {HALVES[0]}; ".encode() * 3 + f"in one: {WORD}".encode()
LONG_TEXT = TEXT.partition(b"in one")[0] * 1_500 + TEXT
"""Both halves come before the word, so that whatever compresses it writes none of its letters."""

FILLED = 5
"""Messages of almost a megabyte on either side of the text: more than a block of the server."""


def is_bare(path: Path) -> bool:
    return WORD.encode() in path.read_bytes()


async def say(log: Log, text: bytes) -> int:
    ack = await log.client.jetstream().publish("training.example.noticed.a.x", text)
    return ack.seq


async def fill(log: Log, rng: random.Random) -> None:
    for _ in range(FILLED):
        await log.client.jetstream().publish(
            f"training.example.noticed.a.{rng.getrandbits(64)}", rng.randbytes(900_000)
        )


async def test_blocks_of_the_server_and_backups_are_decoded(cli: Cli) -> None:
    rng, folder = random.Random(0), cli.data_dir / "backup"
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access())
        await fill(log, rng)
        seq = await say(log, LONG_TEXT)
        await fill(log, rng)
        cli.run("backup", folder)
        blocks = [path for path in cli.data_dir.rglob("*.blk") if path.read_bytes().startswith(COMPRESSED_BLOCK)]
        (found,) = [path for path in blocks if WORD.encode() in block(path.read_bytes())]
        assert not is_bare(found)
        snapshot = folder / "stream.snapshot"
        wanted = {f"{path.relative_to(cli.data_dir)}: {WORD}" for path in (found, snapshot)}
        assert set(holding(cli.data_dir, [WORD])) == wanted
        assert snapshot.read_bytes().startswith(S2_STREAM)
        assert not is_bare(snapshot)
        held = b"".join(form for path in cli.data_dir.rglob("*.blk") for form in forms(path))
        async for messages in log.read(0):
            assert all(message.data in held for message in messages)
        snapshot.unlink()
        await log.erase(seq)
        assert holding(cli.data_dir, [WORD]) == []
        await log.close()


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_columns_of_parquet_are_decoded(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "data.parquet"
    parquet.write_table(pa.table({"text": [[TEXT.decode()]]}), path, compression=compression, write_statistics=False)
    assert holding(tmp_path, [WORD, "nobody"])[-1] == f"data.parquet: {WORD}"
    assert is_bare(path) is (compression == "none")


def test_sealed_segments_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "1-x.arrow"
    path.write_bytes(fold_sealed(fold([]), [given(Raw("training.example.noticed.a.x", TEXT)).messages]).getvalue())
    assert not is_bare(path)
    assert holding(tmp_path, [WORD]) == [f"1-x.arrow: {WORD}"]


def test_tables_of_a_database_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "some.duckdb"
    with duckdb.connect(path) as con:
        con.execute("CREATE TABLE told AS SELECT ? AS text FROM range(5000)", [TEXT.decode()])
        con.execute("CREATE TABLE bytes AS SELECT ?::BLOB AS data", [TEXT])
    assert f"some.duckdb: {WORD}" in holding(tmp_path, [WORD])
    assert holding(tmp_path, ["nobody"]) == []


def test_a_word_in_any_other_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "over.part").write_bytes(b"\0" + TEXT)
    assert holding(tmp_path, [WORD]) == [f"left/over.part: {WORD}"]

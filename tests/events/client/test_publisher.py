"""What a stranger has done to an outbox harms nothing and holds nobody up."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from events import Rooflog
from events.client import segment as segments
from events.client.outbox import SUFFIX, Outbox
from events.client.segment import START, Segment, record
from events.log.log import Log
from events.traceparent import Record
from services.runtime.nats_server import EmbeddedServer

from ..conftest import until
from .test_outbox import carried, put

NOBODY = "nats://127.0.0.1:1"

DELETE = "$JS.API.STREAM.DELETE.TRAINING"


def left_behind(directory: Path, *records: tuple[str, bytes], name: str = "0") -> Path:
    """A segment as a process that is gone has left it, with these records."""
    directory.mkdir(exist_ok=True)
    written = b"".join(record(*each) for each in records)
    segment = Segment.create(directory / f"{name}{SUFFIX}", START + len(written))
    segment.append(written)
    segment.close()
    return segment.path


async def test_only_what_a_client_may_have_said_is_published(server: EmbeddedServer, log: Log, tmp_path: Path) -> None:
    fact = b'{"type": "example.approved.v1", "event_id": "e", "occurred_at": "2025-03-18T12:00:00Z", "actor": "x", '
    approval = fact + b'"example_id": "a", "revision": 1}'
    outbox = tmp_path / "outbox"
    own = Rooflog(NOBODY, outbox=outbox)
    captured = own.capture("Minimum slope?", "1/4 inch per foot.")
    own.close(0)
    strange = [
        (DELETE, b""),
        ("training.example.approved.a.e", approval),
        ("training.example.captured.a.e", b"\xff\x00 garbage"),
        ("rooflog.command.rebuild", b"{}"),
    ]
    left_behind(outbox, *strange)
    client = Rooflog(server.access("client"), outbox=outbox)
    await until(lambda: client.stats().published == 1 and client.stats().set_aside == len(strange))
    assert await log.knows(captured)
    assert await log.last_sequence() == 1
    kept = (outbox / "set_aside.jsonl").read_text()
    assert all(subject in kept for subject, _ in strange)
    await client.aclose()


def test_a_link_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"x" * 4096)
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / f"1{SUFFIX}").symlink_to(precious)
    os.link(precious, tmp_path / "box" / f"2{SUFFIX}")
    os.mkfifo(tmp_path / "box" / f"3{SUFFIX}")
    outbox = Outbox(tmp_path / "box")
    records = put(outbox, 3)
    assert carried(outbox) == records
    assert precious.read_bytes() == b"x" * 4096
    outbox._look_again = 0.0
    assert carried(outbox) == []
    assert caplog.text.count("is left alone") == 3
    outbox.close()


def test_a_segment_that_others_may_write_is_left_alone(tmp_path: Path) -> None:
    path = left_behind(tmp_path, ("training.a.b.c.1", b"forged"))
    path.chmod(0o666)
    outbox = Outbox(tmp_path)
    assert carried(outbox) == []
    outbox.close()
    assert path.exists()


def test_hopeless_damage_is_kept_apart_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parsed = 0
    parse = segments._parse

    def counting(*args: bytes | int) -> Record | None:
        nonlocal parsed
        parsed += 1
        return parse(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(segments, "_parse", counting)
    rng = random.Random(1)
    marks = b"".join(segments._MARK + rng.randbytes(2) + b"\0\0" + rng.randbytes(6) for _ in range(20_000))
    path = tmp_path / f"0{SUFFIX}"
    path.write_bytes(segments._HEADER.pack(b"rooflog1", START) + marks)
    path.chmod(0o600)
    outbox = Outbox(tmp_path)
    records = put(outbox, 5)
    assert carried(outbox) == records
    assert parsed < 2 * segments.DAMAGE
    assert path.with_suffix(".damaged").stat().st_size == START + len(marks)
    assert "damaged in too many places" in caplog.text
    outbox.close()

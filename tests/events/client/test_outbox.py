"""The outbox: bounded, shared between processes, and honest about what it cannot keep."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from events.client.outbox import SEGMENT_BYTES, Outbox
from events.errors import OutboxError, OutboxFull
from events.subjects import parse
from events.traceparent import Record


def put(outbox: Outbox, count: int, size: int = 100, first: int = 0) -> list[Record]:
    records = [Record(f"training.a.b.c.{n}", b"x" * size) for n in range(first, first + count)]
    for each in records:
        outbox.put(*each)
    return records


def carried(outbox: Outbox) -> list[Record]:
    """Everything there is, as a publisher takes it."""
    found: list[Record] = []
    outbox.adopt()
    while batch := outbox.batch(10):
        found += batch.records
        outbox.settle(batch)
        outbox.adopt()
    return found


def test_records_come_out_once_in_order_over_many_segments(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    records = put(outbox, 60, SEGMENT_BYTES // 7)
    assert carried(outbox) == records
    assert carried(outbox) == []
    assert (outbox.said, outbox.settled) == (60, 60)
    assert outbox.size == SEGMENT_BYTES
    outbox.close()
    assert list((tmp_path / "box").iterdir()) == []


def test_a_fact_larger_than_a_segment_is_kept_whole(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    records = put(outbox, 1) + put(outbox, 1, 3 * SEGMENT_BYTES, 1) + put(outbox, 1, first=2)
    assert carried(outbox) == records
    outbox.close()


def test_a_full_outbox_refuses_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.client.outbox.FULL_SECONDS", 0.0)
    outbox = Outbox(tmp_path, max_bytes=SEGMENT_BYTES)
    kept: list[Record] = []
    while outbox.said == len(kept):
        try:
            kept += put(outbox, 1, 10_000, len(kept))
        except OutboxFull as error:
            assert "holds its 1,048,576 bytes" in str(error)  # noqa: PT017
            break
    assert 80 < len(kept) < 105
    assert outbox.said == len(kept)
    assert carried(outbox) == kept
    assert put(outbox, 1, 10_000) == carried(outbox)
    outbox.close()


def test_the_bound_is_of_all_processes_together(tmp_path: Path) -> None:
    first, second = Outbox(tmp_path, max_bytes=2 * SEGMENT_BYTES), Outbox(tmp_path, max_bytes=2 * SEGMENT_BYTES)
    with pytest.raises(OutboxFull):
        put(first, 1000, 10_000)
    with pytest.raises(OutboxFull):
        second.put("s", b"x")
    first.close()
    second.close()


def test_a_disk_that_takes_no_more_is_a_full_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(tmp_path / "box")
    (tmp_path / "box").rmdir()
    with pytest.raises(OutboxFull, match="cannot grow"):
        outbox.put("s", b"x")
    outbox.close()


def test_what_a_process_left_is_taken_over_by_exactly_one(tmp_path: Path) -> None:
    gone = Outbox(tmp_path)
    records = put(gone, 30, SEGMENT_BYTES // 7)
    batch = gone.batch(4)
    assert batch is not None
    gone.settle(batch)
    gone.close()
    heirs = [Outbox(tmp_path), Outbox(tmp_path)]
    found = [carried(heir) for heir in heirs]
    assert sorted(found[0] + found[1]) == sorted(records[4:])
    assert sum(heir.adopted for heir in heirs) >= 4
    for heir in heirs:
        heir.close()
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_facts_go_first_whoever_said_them(tmp_path: Path) -> None:
    gone, living = Outbox(tmp_path), Outbox(tmp_path)
    records = put(gone, 3)
    records += put(living, 3, first=3)
    gone.close()
    assert carried(living) == records
    assert (living.said, living.settled) == (3, 3)
    living.close()


def test_threads_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    threads = [threading.Thread(target=put, args=(outbox, 500, 900, 500 * n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(parse(subject).event_id) for subject, _, _ in carried(outbox)) == list(range(2000))
    outbox.close()


def test_what_the_log_refuses_is_kept_for_people(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.set_aside("training.a.b.c.d", b'{"type":"x"}', "too large")
    outbox.set_aside("training.a.b.c.e", b'{"type":"y"}', "too large")
    lines = [json.loads(line) for line in outbox.set_aside_path.read_text().splitlines()]
    assert [line["fact"] for line in lines] == [{"type": "x"}, {"type": "y"}]
    assert {line["reason"] for line in lines} == {"too large"}
    assert outbox.set_aside_path.stat().st_mode & 0o777 == 0o600
    outbox.close()


def test_an_unusable_directory_is_refused_when_the_client_opens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="choose another directory"):
        Outbox(tmp_path / "file" / "box")

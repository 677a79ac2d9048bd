"""A segment: what was said is in the file, whatever happens to the process, and damage costs only itself."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from events.client.segment import BLOCK, START, Segment, record
from events.traceparent import Record

SIZE = 2**16


def said(count: int, size: int = 100) -> list[Record]:
    return [Record(f"training.example.captured.e{n}.e{n}", bytes([97 + n % 26]) * size) for n in range(count)]


def written(path: Path, records: list[Record], size: int = SIZE) -> Segment:
    segment = Segment.create(path, size)
    for each in records:
        assert segment.append(record(*each))
    return segment


def everything(segment: Segment, count: int = 7) -> list[Record]:
    found: list[Record] = []
    while segment.settled < segment.written:
        records, end = segment.read(count)
        assert end > segment.settled
        found += records
        segment.settle(end)
    return found


def adopted(path: Path) -> Segment:
    segment = Segment.adopt(path)
    assert segment is not None
    return segment


def test_what_is_said_is_read_in_order(tmp_path: Path) -> None:
    segment = written(tmp_path / "a", said(50))
    assert everything(segment) == said(50)
    assert segment.append(record("s", b"one more"))
    assert everything(segment) == [Record("s", b"one more")]
    assert segment.damaged == 0
    segment.close()


def test_a_segment_takes_what_fits(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "a", START + len(record("s", b"12345")))
    assert not segment.append(record("s", b"123456"))
    assert segment.append(record("s", b"12345"))
    assert not segment.append(record("s", b""))
    assert everything(segment) == [Record("s", b"12345")]
    segment.close()


def test_what_is_settled_leaves_no_text_behind(tmp_path: Path) -> None:
    segment = written(tmp_path / "a", said(9))
    records, end = segment.read(4)
    segment.settle(end)
    assert all(data not in segment.path.read_bytes() for _, data, _ in records)
    assert segment.append(record("s", b"one more"))
    assert everything(segment) == [*said(9)[4:], Record("s", b"one more")]
    segment.close()


def test_nobody_adopts_the_segment_of_a_process_that_lives(tmp_path: Path) -> None:
    segment = written(tmp_path / "a", said(3))
    assert Segment.adopt(tmp_path / "a") is None
    segment.close()
    heir = adopted(tmp_path / "a")
    assert Segment.adopt(tmp_path / "a") is None
    heir.remove()
    assert Segment.adopt(tmp_path / "a") is None


def test_the_heir_goes_on_behind_what_was_settled(tmp_path: Path) -> None:
    segment = written(tmp_path / "a", said(20))
    _, end = segment.read(12)
    segment.settle(end)
    segment.close()
    heir = adopted(tmp_path / "a")
    assert everything(heir) == said(20)[12:]
    assert heir.damaged == 0
    heir.close()


@pytest.mark.parametrize("size", [BLOCK - 100, BLOCK, 3 * BLOCK + 17])
def test_records_larger_than_a_block_are_read_whole(tmp_path: Path, size: int) -> None:
    records = [*said(3), Record("large", b"x" * size), *said(3)]
    segment = written(tmp_path / "a", records, 5 * BLOCK)
    segment.close()
    heir = adopted(tmp_path / "a")
    assert everything(heir) == records
    assert heir.damaged == 0
    heir.close()


@pytest.mark.parametrize("cut", [1, 13, 14, 30, 90])
def test_a_record_torn_by_a_kill_is_skipped_and_counted(tmp_path: Path, cut: int) -> None:
    segment = written(tmp_path / "a", said(5))
    torn = record("training.x.y.z.z", b"never returned to its caller" * 3)
    segment.append(torn[:cut] + bytes(len(torn) - cut))
    segment.close()
    heir = adopted(tmp_path / "a")
    assert everything(heir) == said(5)
    assert heir.damaged == 1
    heir.close()


@pytest.mark.parametrize("seed", range(30))
def test_damage_anywhere_costs_only_the_records_that_it_hits(tmp_path: Path, seed: int) -> None:
    """Pages that a power loss took, or bits that a disk turned, wherever they are."""
    rng = random.Random(seed)
    records = said(300, rng.choice([10, 200, 5000]))
    path = tmp_path / "a"
    written(path, records, 2**21).close()
    offsets = [START]
    for each in records:
        offsets.append(offsets[-1] + len(record(*each)))
    at, size = rng.randrange(START, offsets[-1]), rng.choice([1, 64, 4096])
    with path.open("r+b") as file:
        before = os.pread(file.fileno(), size, at)
        file.seek(at)
        file.write(bytes(size) if rng.random() < 0.5 else bytes(255 - byte for byte in before))
        file.seek(at)
        changed = [at + n for n, byte in enumerate(file.read(size)) if n >= len(before) or byte != before[n]]
    hit = {n for n in range(300) if any(offsets[n] <= byte < offsets[n + 1] for byte in changed)}
    heir = adopted(path)
    assert everything(heir) == [each for n, each in enumerate(records) if n not in hit]
    assert bool(heir.damaged) == bool(hit)
    heir.close()


@pytest.mark.parametrize("header", [bytes(START), b"\xff" * START, b"rooflog1" + b"\xff" * 8])
def test_without_its_header_a_segment_is_read_from_the_start(tmp_path: Path, header: bytes) -> None:
    """Where a power loss took the knowledge of what was settled, but not the zeros that were written after it."""
    path = tmp_path / "a"
    segment = written(path, said(9))
    segment.settle(segment.read(4)[1])
    segment.close()
    with path.open("r+b") as file:
        file.write(header)
    heir = adopted(path)
    assert everything(heir) == said(9)[4:]
    heir.close()


@pytest.mark.parametrize("content", [b"", b"short", b"garbage" * 1000, bytes(SIZE)])
def test_files_that_hold_nothing_are_read_to_their_end(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    heir = adopted(path)
    assert everything(heir) == []
    heir.remove()


def test_the_file_is_private(tmp_path: Path) -> None:
    segment = written(tmp_path / "a", said(1))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    segment.close()

"""Search of a directory for words, in every kind of file that rooflog or nats-server writes, however it is compressed.

| file | holds | is found by |
|---|---|---|
| any | bytes as they are | itself |
| `.blk` of the server | messages, under S2 once a block is full | `cmp` at its begin |
| snapshot of a backup | messages, under S2 | the magic of an S2 stream |
| database | tables, compressed by DuckDB | `DUCK` behind its checksum |
| Parquet, segment | columns, compressed by Arrow | `PAR1`, the mark of an Arrow stream |

No Python library that is kept up decodes S2: decoders of Snappy do not know its repeated offsets. So this one does.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

S2_STREAM = b"\xff\x06\x00\x00S2sTwO"
SNAPPY_STREAM = b"\xff\x06\x00\x00sNaPpY"
COMPRESSED_BLOCK = b"cmp"
CHECKSUM = 8
"""Bytes behind the compressed content of a block of nats-server."""


def holding(folder: Path, words: Sequence[str]) -> list[str]:
    """The files with one of some words in any of their forms, and the word."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    wanted = [word.encode() for word in words]
    return [
        f"{path.relative_to(folder)}: {word.decode()}"
        for path in files
        for form in forms(path)
        for word in wanted
        if word in form
    ]


def forms(path: Path) -> Iterator[bytes]:
    """The bytes of a file as they lie there, and all that they say when they are decoded."""
    data = path.read_bytes()
    yield from _decoded(data)
    if data[8:12] == b"DUCK":
        yield from _rows(path)


def _decoded(data: bytes) -> Iterator[bytes]:
    yield data
    if data.startswith(COMPRESSED_BLOCK):
        yield from _decoded(block(data))
    elif data.startswith((S2_STREAM, SNAPPY_STREAM)):
        yield s2_stream(data)
    elif data.startswith(b"PAR1"):
        yield _shown(parquet.read_table(io.BytesIO(data)))
    elif data.startswith(b"\xff\xff\xff\xff"):
        source = io.BytesIO(data)
        while source.tell() < len(data):
            with pa.ipc.open_stream(pa.PythonFile(source, "r")) as stream:
                yield _shown(stream.read_all())


def _rows(database: Path) -> Iterator[bytes]:
    with duckdb.connect(database, read_only=True) as con:
        names = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        for name in names:
            yield _shown(con.sql(f"FROM {name}").to_arrow_table())


def _shown(table: pa.Table) -> bytes:
    return "\n".join(map(repr, table.to_pylist())).encode()


def block(data: bytes) -> bytes:
    """The content of a block of nats-server that begins with how it was compressed."""
    size, start = _varint(data, len(COMPRESSED_BLOCK) + 1)
    content = s2_stream(data[start:-CHECKSUM])
    assert len(content) + CHECKSUM == size, f"decoded to {len(content)} bytes instead of {size - CHECKSUM}"
    return content


def s2_stream(data: bytes) -> bytes:
    """The content of an S2 stream: https://github.com/klauspost/compress/tree/master/s2, framed like Snappy."""
    content, at = bytearray(), 0
    while at < len(data):
        kind, length = data[at], int.from_bytes(data[at + 1 : at + 4], "little")
        chunk, at = data[at + 4 : at + 4 + length], at + 4 + length
        if kind == 0x00:
            content += _s2_block(chunk[4:])  # behind a checksum
        elif kind == 0x01:
            content += chunk[4:]
        else:
            assert kind >= 0x80, f"a chunk of unknown kind {kind:#x}"
    return bytes(content)


def _s2_block(data: bytes) -> bytes:
    size, at = _varint(data, 0)
    content, offset = bytearray(), 1
    while at < len(data):
        tag, value = data[at] & 3, data[at] >> 2
        at += 1
        if tag == 0:  # literal
            if value >= 60:
                more = value - 59
                value, at = int.from_bytes(data[at : at + more], "little"), at + more
            content += data[at : at + value + 1]
            at += value + 1
            continue
        if tag == 1:
            distance, length, at = (value >> 3) << 8 | data[at], value & 7, at + 1
            if distance:
                offset = distance
            elif length >= 5:  # the offset of before, and a long length
                more = length - 4
                length = int.from_bytes(data[at : at + more], "little") + (4, 1 << 8, 1 << 16)[more - 1]
                at += more
            length += 4
        else:
            width = 2 if tag == 2 else 4
            offset, length, at = int.from_bytes(data[at : at + width], "little"), value + 1, at + width
        begin = len(content) - offset
        assert begin >= 0, "a copy from before the begin"
        while length > 0:  # a copy may reach into itself
            piece = content[begin : begin + length]
            content += piece
            begin, length = begin + len(piece), length - len(piece)
    assert len(content) == size, f"decoded to {len(content)} bytes instead of {size}"
    return bytes(content)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at

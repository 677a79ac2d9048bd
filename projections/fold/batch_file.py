"""Batches in a file, as they are folded: for each, Arrow streams one behind the other, with compressed buffers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa

import events
import projections
from events.facts import ErasedMessage
from events.message import Message

from ..store.batch import FOUND_BY_FOLD, Batch, Quarantined
from ..tables.digest_chain import CHAIN
from ..tables.erasures import ERASURES
from ..tables.examples import EXAMPLES
from ..tables.restatements import RESTATEMENTS

OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")

_HEAD = pa.schema(
    {
        "first": pa.int64(),
        "last": pa.int64(),
        "last_subject": pa.binary(),
        "log_digest": pa.binary(),
        "tables": pa.list_(pa.string()),
    }
)
_QUARANTINED = pa.schema(
    {
        "seq": pa.int64(),
        "subject": pa.binary(),
        "data": pa.large_binary(),
        "category": pa.string(),
        "reason": pa.string(),
    }
)
_ERASED = pa.schema({"seq": pa.int64(), "subject": pa.binary(), "kept": pa.binary(), "erased_by": pa.int64()})


@cache
def decoder() -> str:
    """The version of whatever makes a batch of messages: a digest of the code, and the libraries that read and write.

    Whoever changes the code need not think of the files: they are read from the log again.
    """
    total = sha256(f"{version('msgspec')} {version('pyarrow')}".encode())
    for package in (events, projections):
        home = Path(package.__path__[0])
        for path in sorted([*home.rglob("*.py"), *home.rglob("*.toml")]):
            total.update(f"\0{path.relative_to(home)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def write(file: BinaryIO, batch: Batch, messages: pa.Table) -> None:
    """Append a batch whose running digest is known.

    Of its messages only those are kept that the fold may ask for: see `asked_for`.
    """
    quarantined = [q for q in batch.quarantined if q.category not in FOUND_BY_FOLD]
    parts = {
        "": pa.Table.from_pylist(
            [
                {
                    "first": batch.first,
                    "last": batch.last,
                    "last_subject": _octets(batch.last_subject),
                    "log_digest": batch.log_digest,
                    "tables": list(batch.rows),
                }
            ],
            _HEAD,
        ),
        "messages": messages,
        "quarantined": pa.Table.from_pylist(
            [msgspec.structs.asdict(q) | {"subject": _octets(q.subject)} for q in quarantined], _QUARANTINED
        ),
        "erased": pa.Table.from_pylist([_erased(message) for message in batch.erased], _ERASED),
    }
    for table in (*parts.values(), *batch.rows.values()):
        with pa.ipc.new_stream(file, table.schema, options=OPTIONS) as stream:
            stream.write_table(table)


def read(file: BinaryIO) -> Iterator[Batch]:
    """The batches of a file, without their facts."""
    source = pa.PythonFile(file, "r")
    end = file.seek(0, 2)
    file.seek(0)
    while file.tell() < end:
        head = _table(source).to_pylist()[0]
        messages, quarantined, erased = (_table(source) for _ in range(3))
        rows = {name: _table(source) for name in head["tables"]}
        batch = Batch(head["first"], head["last"], _text(head["last_subject"]), messages, rows[CHAIN.name], rows=rows)
        batch.log_digest = head["log_digest"]
        batch.quarantined = [Quarantined(**row | {"subject": _text(row["subject"])}) for row in quarantined.to_pylist()]
        batch.erased = [_message(**row) for row in erased.to_pylist()]
        yield batch


def asked_for(batch: Batch, arrived: Collection[int]) -> pa.Table:
    """The messages of a batch that a fold may set aside, whole.

    Those are captures that are not among those that have `arrived`, tombstones and restatements.
    """
    examples, tombstones, restated = (
        set() if (rows := batch.rows.get(table.name)) is None else set(rows["seq"].to_pylist())
        for table in (EXAMPLES, ERASURES, RESTATEMENTS)
    )
    asked = sorted((examples - set(arrived)) | tombstones | restated)
    return batch.messages.filter(pa.compute.is_in(batch.messages["seq"], pa.array(asked, pa.int64())))


def _table(source: pa.NativeFile) -> pa.Table:
    with pa.ipc.open_stream(source) as stream:
        return stream.read_all()


def _erased(message: Message) -> dict[str, object]:
    kept = msgspec.json.encode(message.erased)
    return {"seq": message.seq, "subject": _octets(message.subject), "kept": kept, "erased_by": message.erased_by}


def _message(seq: int, subject: bytes, kept: bytes, erased_by: int) -> Message:
    erased = msgspec.json.decode(kept, type=ErasedMessage)
    return Message(seq, _text(subject), b"", erased=erased, erased_by=erased_by)


def _octets(subject: str) -> bytes:
    return subject.encode("utf-8", "surrogateescape")


def _text(subject: bytes) -> str:
    return subject.decode("utf-8", "surrogateescape")

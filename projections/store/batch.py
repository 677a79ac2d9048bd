"""A batch of messages, decoded: facts by type in the order of the log, and what could not be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct, field

from events import digest_chain
from events.codec import decode as fact_of
from events.errors import InvalidFact
from events.facts import FACTS, Fact
from events.message import Message, legible

F = TypeVar("F", bound=Fact)

DUPLICATE, WRONG_TOMBSTONE, WRONG_RESTATEMENT = "duplicate_example", "wrong_tombstone", "wrong_restatement"
FOUND_BY_FOLD = (DUPLICATE, WRONG_TOMBSTONE, WRONG_RESTATEMENT)
"""The categories of messages that decode well: whether they can be folded depends on what came before them."""


class Quarantined(Struct, frozen=True):
    """A message that could not be folded, whole, with the reason."""

    seq: int
    subject: str
    data: bytes
    category: str
    reason: str


class Batch(Struct):
    """Messages after one checkpoint, ready to fold.

    `messages` are all messages as the log holds them (`seq`, `subject`, `data`), and `entries` what each adds to the
    running digest. Of the `erased` messages only a tombstone is left, and so many others were `restated`. `rows` are
    the new rows by table: with them a batch can be folded without its `facts`. `gone` are the examples whose text this
    batch removes. It is `rekeyed` where a tombstone knows less of what a correction replaced than its text did. `known`
    are the sequences of earlier examples that it names, once they were looked up. `arrived` are the rows of examples
    that it adds. `empty` are the tables that are known to hold nothing, once it was folded. `log_digest` is the running
    digest after it, once it was followed.
    """

    first: int
    last: int
    last_subject: str
    messages: pa.Table
    entries: pa.Table
    facts: dict[type[Fact], list[tuple[int, Fact]]] = field(default_factory=dict)
    rows: dict[str, pa.Table] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    erased: list[Message] = field(default_factory=list)
    restated: int = 0
    gone: set[str] = field(default_factory=set)
    rekeyed: bool = False
    known: dict[str, int] | None = None
    arrived: pa.Table | None = None
    empty: frozenset[str] = frozenset()
    log_digest: bytes | None = None

    def of(self, kind: type[F]) -> list[tuple[int, F]]:
        """The facts of one type with their sequences."""
        return self.facts.get(kind, [])  # type: ignore[return-value]

    def let_go(self) -> None:
        """Drop the facts, which only judging needs."""
        self.facts = {}

    def follow(self, digest: bytes) -> bytes:
        """The running digest after this batch, if it was `digest` before it."""
        if self.log_digest is not None:
            return self.log_digest
        for seq, entry in zip(self.entries["seq"].to_pylist(), self.entries["entry"].to_pylist(), strict=True):
            digest = digest_chain.link(digest, seq, entry)
        self.log_digest = digest
        return digest

    def quarantine(self, seqs: Iterable[int], category: str, reason: str) -> None:
        """Set aside messages that decoded well and yet cannot be folded."""
        for seq in seqs:
            message = self.messages.slice(pc.index(self.messages["seq"], seq).as_py(), 1).to_pylist()[0]
            subject = message["subject"].decode("utf-8", "backslashreplace")
            self.quarantined.append(Quarantined(seq, subject, message["data"], category, legible(reason)))


def decode(messages: Sequence[Message]) -> Batch:
    """Decode messages that follow one another."""
    seqs = [message.seq for message in messages]
    subjects = [message.subject.encode("utf-8", "surrogateescape") for message in messages]
    raw = pa.array([message.data for message in messages], pa.large_binary())
    kept = pa.table({"seq": pa.array(seqs, pa.int64()), "subject": pa.array(subjects, pa.binary()), "data": raw})
    entries = pa.array([message.entry for message in messages], pa.binary())
    chained = pa.table({"seq": kept["seq"], "entry": entries})
    if b"" in subjects:  # what is missing adds nothing
        chained = chained.filter(pc.not_equal(kept["subject"], b""))
    batch = Batch(seqs[0], seqs[-1], legible(messages[-1].subject), kept, chained)
    facts: dict[type[Fact], list[tuple[int, Fact]]] = {kind: [] for kind in FACTS}
    batch.facts = facts
    batch.restated = sum(message.erased is not None and not message.is_gone for message in messages)
    for message, brackets in zip(messages, _brackets(raw), strict=True):
        if message.is_missing:
            batch.quarantine([message.seq], "missing", _MISSING)
        elif message.is_gone:
            batch.erased.append(message)
        else:
            try:
                fact = fact_of(message.data, message.subject, brackets=brackets)
            except InvalidFact as error:
                batch.quarantine([message.seq], error.category, error.reason)
            else:
                facts[type(fact)].append((message.seq, fact))
    return batch


def _brackets(data: pa.LargeBinaryArray) -> list[int]:
    """How many `[` and `{` each message holds; Python would take as long to count them as to decode."""
    _, offsets, values = data.buffers()
    ends = np.frombuffer(offsets, np.int64)[: len(data) + 1]
    octets = np.frombuffer(values or b"", np.uint8)[: ends[-1]]
    pages = range(0, len(octets), _PAGE)
    # A single bit tells the two apart.
    opening = [start + np.flatnonzero((octets[start : start + _PAGE] & 0xDF) == ord("[")) for start in pages]
    counts: list[int] = np.diff(np.searchsorted(np.concatenate([*opening, np.zeros(0, int)]), ends)).tolist()
    return counts


_PAGE = 2**16
"""Bytes that are counted at a time, so that they stay in the processor's cache."""


_MISSING = "the log holds no message of this sequence and no tombstone says why; `rooflog verify` tells more"

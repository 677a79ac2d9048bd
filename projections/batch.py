"""A batch of messages, decoded: facts by type in the order of the log, and what could not be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec import Struct, field

from events import chain
from events.errors import InvalidFact
from events.facts import FACTS, Fact
from events.message import Message

F = TypeVar("F", bound=Fact)


class Quarantined(Struct, frozen=True):
    """A message that could not be folded, whole, with the reason."""

    seq: int
    subject: str
    data: bytes
    category: str
    reason: str


class Batch(Struct):
    """Messages after one checkpoint, ready to fold.

    `erased` are those of which only a tombstone is left, `entries` what each adds to the running digest, `gone` the
    examples whose text this batch was found to take away, and `known` the sequences of those examples that it names and
    that were there before, where somebody looked for them.
    """

    first: int
    last: int
    last_subject: str
    digest: bytes
    facts: dict[type[Fact], list[tuple[int, Fact]]] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    erased: list[Message] = field(default_factory=list)
    entries: list[tuple[int, bytes]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    known: dict[str, int] | None = None

    def of(self, kind: type[F]) -> list[tuple[int, F]]:
        """The facts of one type with their sequences."""
        return self.facts.get(kind, [])  # type: ignore[return-value]

    def quarantine(self, seqs: Iterable[int], category: str, reason: str) -> None:
        """Set aside messages that decoded well and yet cannot be folded."""
        for seq in seqs:
            message = self.messages[seq]
            self.quarantined.append(Quarantined(seq, message.subject, message.data, category, reason))


def decode(messages: Sequence[Message], digest: bytes) -> Batch:
    """Decode messages that follow a checkpoint whose running digest was `digest`."""
    batch = Batch(messages[0].seq, messages[-1].seq, messages[-1].subject, digest, {kind: [] for kind in FACTS})
    for message in messages:
        batch.messages[message.seq] = message
        if message.is_missing:
            batch.quarantine([message.seq], "missing", _MISSING)
            continue
        entry = message.entry
        batch.digest = chain.link(batch.digest, message.seq, entry)
        batch.entries.append((message.seq, entry))
        if message.erased is not None:
            batch.erased.append(message)
            continue
        try:
            fact = message.fact()
        except InvalidFact as error:
            batch.quarantine([message.seq], error.category, error.reason)
        else:
            batch.facts[type(fact)].append((message.seq, fact))
    return batch


_MISSING = "the log holds no message of this sequence and no tombstone says why; `rooflog verify` tells more"

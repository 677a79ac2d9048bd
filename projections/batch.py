"""A batch of messages, decoded: facts by type in the order of the log, and what could not be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec import Struct, field

from events.errors import InvalidFact
from events.facts import FACTS, Fact
from events.log import Message, log_digest

F = TypeVar("F", bound=Fact)


class Quarantined(Struct, frozen=True):
    """A message that could not be folded, whole, with the reason."""

    seq: int
    subject: str
    data: bytes
    category: str
    reason: str


class Batch(Struct):
    """Messages after one checkpoint, ready to fold."""

    first: int
    last: int
    last_subject: str
    digest: bytes
    facts: dict[type[Fact], list[tuple[int, Fact]]] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)

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
        digest = log_digest(digest, message)
        batch.messages[message.seq] = message
        try:
            fact = message.fact()
        except InvalidFact as error:
            batch.quarantine([message.seq], error.category, error.reason)
        else:
            batch.facts[type(fact)].append((message.seq, fact))
    batch.digest = digest
    return batch

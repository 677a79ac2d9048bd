"""A message of the log, as it lies there or as its tombstone remembers it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from . import digest_chain, same_words, subjects
from .codec import decode, encode
from .earlier_turns import understood
from .errors import InvalidFact
from .facts import (
    AnyFact,
    CorrectionRecorded,
    ErasedMessage,
    ExampleCaptured,
    ExampleErased,
    ExampleRedacted,
    ExampleRestated,
    Fact,
)
from .subjects import Subject


class Message(msgspec.Struct, frozen=True, gc=False):
    """One sequence of the log; `received_ns` is the server's clock in nanoseconds since 1970, 0 where nobody knows.

    Where the message was erased, `erased` is what the tombstone at sequence `erased_by` keeps of it and `data` is
    empty, or the capture as it was restated. Where it is missing and no tombstone says why, the subject is empty too.
    """

    seq: int
    subject: str
    data: bytes
    received_ns: int = 0
    erased: ErasedMessage | None = None
    erased_by: int = 0

    @property
    def is_missing(self) -> bool:
        """Whether the log neither holds this sequence nor a tombstone for it."""
        return not self.subject

    @property
    def is_gone(self) -> bool:
        """Whether a tombstone is all that is left of it."""
        return self.erased is not None and not self.data

    @property
    def parts(self) -> Subject:
        """The parts of its subject."""
        return subjects.parse(self.subject)

    @property
    def received_at(self) -> str:
        """The server's clock in RFC 3339, as the server writes it; empty where nobody knows."""
        if not self.received_ns:
            return ""
        second, nanoseconds = divmod(self.received_ns, 1_000_000_000)
        fraction = f".{nanoseconds:09}".rstrip("0") if nanoseconds else ""
        return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"

    @property
    def entry(self) -> bytes:
        """What this message adds to the running digest, the same before and after its erasure."""
        if self.erased:
            return _entry(self.erased)
        return digest_chain.entry(self.subject, hashlib.sha256(self.data).digest())

    def fact(self) -> AnyFact:
        """The fact it holds; raises InvalidFact."""
        if self.is_gone:
            raise InvalidFact("erased", f"its text was erased; sequence {self.erased_by} says why")
        return decode(self.data, self.subject)


def legible(subject: str) -> str:
    r"""A subject as text that can be stored and shown: octets that are not UTF-8 are written as `\xff`."""
    return subject.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def remembered(message: Message) -> ErasedMessage:
    """What a tombstone keeps of a message, without its text."""
    tag = corrected = corrected_words = follows = conversation = None
    words: tuple[str, ...] = ()
    try:
        fact = message.fact()
    except InvalidFact:
        pass
    else:
        tag = str(type(fact).__struct_config__.tag)
        words = own_words(fact)
        if isinstance(fact, CorrectionRecorded):
            corrected = text_key(fact.original_prompt, fact.original_response)
            corrected_words = same_words.key(fact.original_prompt, fact.original_response)
        if isinstance(fact, ExampleCaptured):
            turn = understood(fact)
            follows, conversation = turn.follows, turn.conversation and conversation_key(turn.conversation)
    return ErasedMessage(
        seq=message.seq,
        digest=hashlib.sha256(message.data).hexdigest(),
        subject=message.subject,
        fact=tag,
        corrected=corrected,
        corrected_words=corrected_words,
        follows=follows,
        conversation=conversation,
        words=words,
    )


def restated(message: Message) -> ExampleRestated | None:
    """A capture as it is said again without the earlier turns that it copied; None for any other message."""
    try:
        fact = message.fact()
    except InvalidFact:
        return None
    if type(fact) is not ExampleCaptured:
        return None
    digest = hashlib.sha256(message.data).hexdigest()
    return ExampleRestated(**msgspec.structs.asdict(understood(fact)), restates=message.seq, restated_digest=digest)


def restated_on(subject: str) -> str:
    """The subject on which the capture of a subject is restated."""
    of = subjects.parse(subject)
    return f"{subjects.ROOT}.{ExampleRestated.noun}.{ExampleRestated.verb}.{of.about}.{of.event_id}"


def restored(message: Message, restatement: Message | None) -> Message:
    """A message that was restated as the capture that it is without its copies; unchanged where nothing says so."""
    try:
        fact = restatement and restatement.fact()
    except InvalidFact:
        return message
    if not isinstance(fact, ExampleRestated) or not message.erased or not _restates(fact, message.erased):
        return message
    names = ExampleCaptured.__struct_fields__
    return msgspec.structs.replace(
        message, data=encode(ExampleCaptured(**{name: getattr(fact, name) for name in names}))
    )


def _restates(fact: ExampleRestated, kept: ErasedMessage) -> bool:
    return kept.restated and (fact.restates, fact.restated_digest) == (kept.seq, kept.digest)


def own_words(fact: Fact) -> tuple[str, ...]:
    """The key of the prompt and answer of an example that a fact brings or replaces."""
    match fact:
        case ExampleCaptured() | ExampleRedacted():
            return (same_words.key(fact.prompt, fact.response),)
        case CorrectionRecorded():
            return (same_words.key(fact.prompt, fact.corrected_response),)
        case _:
            return ()


def erased_words(tombstone: ExampleErased) -> set[str]:
    """The keys of all words that a tombstone keeps from being said again."""
    return {*tombstone.words, *(key for kept in tombstone.erased for key in kept.words)}


def words_in(fact: Fact) -> tuple[str, ...]:
    """The keys of every prompt and answer that a fact repeats: of a correction the answer that it replaces as well."""
    if isinstance(fact, CorrectionRecorded):
        return (*own_words(fact), same_words.key(fact.original_prompt, fact.original_response))
    return own_words(fact)


def text_key(prompt: str, response: str) -> str:
    """The identity of a text: 128 bits of the SHA-256 of prompt, NUL and response, in hexadecimal."""
    return hashlib.sha256(f"{prompt}\0{response}".encode()).hexdigest()[:32]


def conversation_key(conversation: str) -> str:
    """What stands for a conversation: 128 bits of the SHA-256 of its id, in hexadecimal."""
    return hashlib.sha256(conversation.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Tombstones(msgspec.Struct, frozen=True):
    """The tombstones of the log, by sequence, with the message of each.

    `held` are the messages that they list and the log still holds. `wrong` are the tombstones that count for nothing,
    each with the first sequence that it lists as what it is not.
    """

    facts: dict[int, tuple[Message, ExampleErased]]
    held: dict[int, Message]
    wrong: dict[int, int]

    @property
    def listed(self) -> dict[int, Message]:
        """The messages that tombstones list which count."""
        return self.first(self.wrong)

    def first(self, without: Collection[int] = ()) -> dict[int, Message]:
        """The messages that tombstones list, as the first one of each says, whether or not it counts."""
        return listed((seq, fact) for seq, (_, fact) in self.facts.items() if seq not in without)


def tombstones(facts: dict[int, tuple[Message, ExampleErased]], held: Mapping[int, Message]) -> Tombstones:
    """Which tombstones count: every message that they list has their subject and digest.

    `held` are the listed messages that are still on the log. What a gap of the log was its first tombstone says.
    """
    gaps = listed((seq, fact) for seq, (_, fact) in facts.items())
    wrong = {}
    for seq, (_, fact) in facts.items():
        for kept in fact.erased:
            message = held.get(kept.seq) or gaps.get(kept.seq)
            if kept.seq >= seq or message is None or message.entry != _entry(kept):
                wrong[seq] = kept.seq
                break
    return Tombstones(facts, dict(held), wrong)


def _entry(kept: ErasedMessage) -> bytes:
    return digest_chain.entry(kept.subject, bytes.fromhex(kept.digest))


def listed(tombstones: Iterable[tuple[int, ExampleErased]]) -> dict[int, Message]:
    """The messages that tombstones list, by sequence: as the first one says, but for those that only restate it."""
    messages: dict[int, Message] = {}
    for seq, tombstone in tombstones:
        for kept in tombstone.erased:
            if kept.subject and kept.seq < seq:
                message = Message(kept.seq, kept.subject, b"", erased=kept, erased_by=seq)
                first = messages.setdefault(kept.seq, message)
                if first.erased and first.erased.restated and not kept.restated:
                    messages[kept.seq] = message
    return messages


def without_gaps(messages: Sequence[Message], after: int, until: int, erased: Mapping[int, Message]) -> list[Message]:
    """The messages after one sequence up to another, one for every sequence: erased and missing ones included."""
    by_seq = {message.seq: message for message in messages}
    return [by_seq.get(seq) or erased.get(seq) or Message(seq, "", b"") for seq in range(after + 1, until + 1)]

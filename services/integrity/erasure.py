"""Secure erasure: first the tombstones, then the messages, then every other copy of the text on this machine.

Every step can be repeated: after a kill the same command finishes the work. The tombstone is on the log before the
first message goes, so the running digest can be followed at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field

from events.errors import InvalidFact, RooflogError, UnknownExample
from events.facts import WITH_TEXTS, AnyFact, ErasedMessage, ExampleErased, comments_of, texts_of
from events.log.log import Log
from events.message import Message, remembered
from events.subjects import TOMBSTONES, new_event_id

from ..state.client import State
from ..state.protocol import Progress

ROUNDS = 10
"""Looks for facts about the example that arrived while its tombstones were published."""

SETTLE_SECONDS = 600.0
"""How long the projector may take to write its database anew."""


class Plan(Struct):
    """What an erasure takes: messages by example, and the comments on them that it leaves."""

    taken: dict[str, list[Message]]
    left: list[Message] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Every example that is erased."""
        return list(self.taken)


class Erased(Struct):
    """The erased examples, their first sequence, the number of messages erased just now, and the comments that stay."""

    ids: list[str]
    first: int
    messages: int
    comments_kept: list[int]


async def plan(log: Log, state: State, example_id: str, *, reason: str = "", with_comments: bool = False) -> Plan:
    """Every message with an example's text or a comment that quotes it; every comment where `with_comments`.

    A tombstone stays unless its reason quotes the text. `reason` is that of the tombstones to come. Raises RooflogError
    where it quotes the text, and UnknownExample where the log never held a fact about the example.
    """
    ids: list[str] = (await state.ask("repeating", example_id=example_id))["ids"] or [example_id]
    proposed = Plan({each: [] for each in ids})
    messages = {message.seq: (each, message) for each in reversed(ids) for message in await log.history(each)}
    texts: list[str] = []
    commented: list[tuple[str, AnyFact, Message]] = []
    for _, (about, message) in sorted(messages.items()):
        try:
            fact = message.fact()
        except InvalidFact:  # it may be a text, or hold one
            proposed.taken[about].append(message)
            continue
        if isinstance(fact, WITH_TEXTS):
            texts += texts_of(fact)
            proposed.taken[_correction(message, ids) or about].append(message)
        elif any(comments_of(fact)):
            commented.append((about, fact, message))
    if quotes(reason[:1].lower() + reason[1:], texts):
        raise RooflogError(
            "the reason repeats words of the text that is to be erased, and stays on the log for ever: "
            "give one without names, numbers or quotations from it"
        )
    for about, fact, message in commented:
        is_tombstone = isinstance(fact, ExampleErased)
        if any(quotes(comment, texts) for comment in comments_of(fact)) or (with_comments and not is_tombstone):
            proposed.taken[about].append(message)
        elif not is_tombstone:
            proposed.left.append(message)
    if not messages and example_id not in {m.parts.about for m in await log.matching(TOMBSTONES)}:
        raise UnknownExample(example_id)
    return proposed


def _correction(message: Message, ids: Sequence[str]) -> str | None:
    """The correction that a message is: it lies under the subject of what it corrects, and is an example itself."""
    correction_id = message.parts.correction_id
    return correction_id if correction_id in ids else None


def quotes(comment: str, texts: Iterable[str]) -> bool:
    """Whether a comment repeats a text: three words in a row, or one word that names or numbers something."""
    words = _words(comment)
    runs = set(_runs([word.casefold() for word in words]))
    for text in texts:
        known = [word.casefold() for word in _words(text)]
        vocabulary = set(known)
        if any(word.casefold() in vocabulary and _TELLING.search(word) for word in words):
            return True
        if not runs.isdisjoint(_runs(known)):
            return True
    return False


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every three words in a row."""
    return zip(words, words[1:], words[2:], strict=False)


_TELLING = re.compile(r"[^a-z'’-]")
"""A name, a number, a code, an address: anything but lower-case letters."""


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?-'’") for word in re.findall(r"[\w@.+'’-]+", text) if len(word) > 2]


async def bury(log: Log, messages: dict[str, list[Message]], *, reason: str, actor: str, asked: str) -> list[str]:
    """Publish tombstones of messages, by example, that no tombstone lists yet. Returns the new event ids.

    `asked` is the example that the erasure was asked for; the tombstones of its copies and corrections share its trace.
    The tombstone of a tombstone lists what that one listed.
    """
    known = await log.erased()
    tombstones = []
    for example_id, listed in messages.items():
        fresh: list[ErasedMessage] = []
        for message in sorted(listed, key=lambda m: m.seq):
            if message.seq not in known:
                fresh += [*_listed_by(message), remembered(message)]
        if fresh:
            tombstones.append(
                ExampleErased(
                    event_id=new_event_id(),
                    occurred_at=datetime.now(UTC),
                    actor=actor,
                    trace_id=f"erase {asked}",
                    example_id=example_id,
                    reason=reason,
                    erased=tuple(fresh),
                )
            )
    published = await log.publish(tombstones)
    if published.refused:
        raise RooflogError(f"the tombstone was refused: {published.refused[0][1]}")
    return list(published.new)


def _listed_by(message: Message) -> tuple[ErasedMessage, ...]:
    try:
        fact = message.fact()
    except InvalidFact:
        return ()
    return fact.erased if isinstance(fact, ExampleErased) else ()


async def remove(log: Log, report: Progress | None = None) -> int:
    """Erase from the log every message that a tombstone lists. Returns how many were still there.

    Raises RooflogError, and leaves the message, where the tombstone's subject or digest is not the message's.
    """
    gone = await log.deleted()
    listed = {seq: message for seq, message in (await log.erased()).items() if seq not in gone}
    count = 0
    for number, (seq, tombstone) in enumerate(sorted(listed.items()), 1):
        message = await log.at(seq)
        if message is not None:
            _check(message, tombstone)
            count += await log.erase(seq)
        if report:
            report(number, len(listed))
    return count


def _check(message: Message, tombstone: Message) -> None:
    kept: ErasedMessage | None = tombstone.erased
    digest = hashlib.sha256(message.data).hexdigest()
    if kept is None or (kept.subject, kept.digest) != (message.subject, digest):
        raise RooflogError(
            f"the tombstone at {tombstone.erased_by} lists sequence {message.seq} under a digest that is not its; "
            "nothing was removed there: look at both with `rooflog replay` and erase the example anew"
        )


async def sweep(log: Log, remnants: dict[str, list[int]]) -> int:
    """Erase what a late outbox published about erased examples. Returns how many messages were erased."""
    late: dict[str, list[Message]] = {}
    for example_id, seqs in remnants.items():
        messages = [await log.at(seq) for seq in seqs]
        late[example_id] = [message for message in messages if message is not None]
    for example_id, arrived in late.items():
        await bury(
            log,
            {example_id: arrived},
            reason="arrived after its example was erased",
            actor="rooflog",
            asked=example_id,
        )
    return await remove(log)


async def settle(state: State) -> None:
    """Wait until the database file is written anew without the text. Raises RooflogError after SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        if not (await state.ask("erasing"))["compaction_due"]:
            return
        if time.monotonic() > deadline:
            raise RooflogError(
                f"the messages are erased, but the projector has not written its database anew in {SETTLE_SECONDS:.0f} "
                "s; run the same command again to wait for it"
            )
        await asyncio.sleep(0.1)


async def erase(
    log: Log,
    state: State,
    example_id: str,
    *,
    reason: str,
    actor: str,
    with_comments: bool = False,
    report: Progress | None = None,
) -> Erased:
    """Erase an example and everything that repeats its text from the log and the tables.

    Raises UnknownExample. After any other error the same call does the rest.
    """
    proposed = await plan(log, state, example_id, reason=reason, with_comments=with_comments)
    taken = proposed.taken
    for _ in range(ROUNDS):
        if not await bury(log, taken, reason=reason, actor=actor, asked=example_id):
            break
        taken = (await plan(log, state, example_id, with_comments=with_comments)).taken
    removed = await remove(log, report)
    await settle(state)
    ids, first = await buried(log, example_id)
    return Erased(ids or proposed.ids, first, removed, [message.seq for message in proposed.left])


async def buried(log: Log, asked: str) -> tuple[list[str], int]:
    """The examples of an erasure, however often it was interrupted, and the first sequence that it erased."""
    ids: dict[str, None] = {}
    first = 0
    for message in await log.matching(TOMBSTONES):
        try:
            fact = message.fact()
        except InvalidFact:
            continue
        if isinstance(fact, ExampleErased) and (fact.example_id == asked or fact.trace_id == f"erase {asked}"):
            ids[fact.example_id] = None
            seqs = [kept.seq for kept in fact.erased]
            first = min([first or message.seq, *seqs])
    return list(ids), first

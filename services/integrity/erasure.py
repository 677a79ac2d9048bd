"""Secure erasure: first the tombstones, then the messages, then every other copy of the text on this machine.

Every step can be repeated: after a kill the same command finishes the work. The tombstone is on the log before the
first message goes, so the running digest can be followed at any time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field, structs

from events.errors import InvalidFact, RooflogError, UnknownExample
from events.facts import (
    WITH_TEXTS,
    AnyFact,
    ErasedMessage,
    ExampleErased,
    ExampleRedacted,
    ExampleRestated,
    Fact,
    comments_of,
    notes_of,
    texts_of,
)
from events.log.log import Log
from events.message import Message, Tombstones, remembered
from events.subjects import new_event_id

from ..state.client import State
from ..state.protocol import Progress
from . import restating

ROUNDS = 10
"""Looks for facts about the example that arrived while its tombstones were published."""

SETTLE_SECONDS = 600.0
"""How long the projector may take to write its database anew."""


class Plan(Struct):
    """What an erasure takes: messages by example, and the comments on them that it leaves.

    `asked` says by example for which one it goes. `copies` are examples in the same words under other ids: they are
    among the taken, or somebody chose to keep them. `restated` are the sequences of captures that lose their copy of
    what is taken.
    """

    taken: dict[str, list[Message]]
    asked: dict[str, str] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    left: list[Message] = field(default_factory=list)
    restated: list[int] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Every example that is erased."""
        return list(self.taken)


class Erased(Struct):
    """The erased examples, their first sequence, the number of messages erased just now, and the comments that stay.

    `restated` are the captures that had copied one of them, and were said again just now without the copy.
    """

    ids: list[str]
    first: int
    messages: int
    comments_kept: list[int]
    copies_kept: list[str] = field(default_factory=list)
    restated: list[int] = field(default_factory=list)


class Removed(Struct):
    """How many messages went from the log, the sequences among them that were restated, and those that were left."""

    messages: int = 0
    restated: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


async def plan(
    log: Log,
    state: State,
    example_id: str,
    *,
    reason: str = "",
    with_comments: bool = False,
    keep_copies: bool = False,
    known: Tombstones | None = None,
) -> Plan:
    """Every message with an example's text, or that quotes it; every comment where `with_comments`.

    A comment that a redaction has replaced is taken with that, or the words of before would come back. A tombstone
    stays unless its reason quotes the text. `reason` is that of the tombstones to come, `known` are those on the log.
    Where `keep_copies`, examples in the same words under other ids are not taken. Raises RooflogError where it quotes
    the text, and UnknownExample where the log never held a fact about the example.
    """
    repeating: dict[str, list[str]] = await state.ask("repeating", example_id=example_id)
    copies = repeating["copies"]
    ids = [each for each in repeating["ids"] or [example_id] if not (keep_copies and each in copies)]
    proposed = Plan({each: [] for each in ids}, dict.fromkeys(ids, example_id), copies)
    messages = {message.seq: (each, message) for each in reversed(ids) for message in await log.history(each)}
    texts: list[str] = []
    replaced: set[int] = set()
    commented: list[tuple[str, AnyFact, Message]] = []
    for _, (about, message) in sorted(messages.items()):
        try:
            fact = message.fact()
        except InvalidFact:  # it may be a text, or hold one
            proposed.taken[about].append(message)
            continue
        if isinstance(fact, WITH_TEXTS):
            texts += texts_of(fact)
            if isinstance(fact, ExampleRedacted):
                replaced |= {new.seq for new in fact.comments if new.seq < message.seq}
            proposed.taken[_correction(message, ids) or about].append(message)
        else:
            commented.append((about, fact, message))
    if quotes(reason[:1].lower() + reason[1:], texts):
        raise RooflogError(
            "the reason repeats words of the text that is to be erased, and stays on the log for ever: "
            "give one without names, numbers or quotations from it"
        )
    for about, fact, message in commented:
        is_tombstone = isinstance(fact, ExampleErased)
        has_comment = any(comments_of(fact)) and not is_tombstone
        is_replaced = message.seq in replaced and comments_of(fact)  # an empty one as well
        is_wanted = is_replaced or (with_comments and has_comment)
        if is_wanted or any(quotes(note, texts) for note in notes_of(fact)):
            proposed.taken[about].append(message)
        elif has_comment:
            proposed.left.append(message)
    if not messages and not buried(known or await log.tombstones(), [example_id])[0]:
        raise UnknownExample(example_id)
    return proposed


async def plan_all(
    log: Log,
    state: State,
    example_ids: Sequence[str],
    *,
    reason: str = "",
    with_comments: bool = False,
    keep_copies: bool = False,
) -> Plan:
    """What the erasure of several examples takes; each is planned once. Raises as `plan` does."""
    together, known = Plan({}), await log.tombstones()
    choice: dict[str, Any] = {"with_comments": with_comments, "keep_copies": keep_copies, "known": known}
    for example_id in example_ids:
        if example_id not in together.taken:
            one = await plan(log, state, example_id, reason=reason, **choice)
            together.taken |= one.taken
            together.asked = one.asked | together.asked
            together.copies += [each for each in one.copies if each not in {*together.copies, *example_ids}]
            together.left += one.left
    taken = {message.seq: message for messages in together.taken.values() for message in messages}
    words = sorted({key for message in taken.values() for key in remembered(message).words})
    copying: list[int] = (await state.ask("copying", words=words))["seqs"]
    together.restated = [seq for seq in copying if seq not in taken]
    return together


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


async def bury(
    log: Log,
    messages: dict[str, list[Message]],
    *,
    reason: str,
    actor: str,
    asked: Mapping[str, str] | None = None,
    kept_copies: Iterable[str] = (),
    restated: Collection[int] = (),
) -> list[str]:
    """Publish tombstones of messages, by example, that no tombstone lists as what they are. Returns the new event ids.

    Those of the sequences `restated` are captures that only lose their copies.

    `asked` says by example for which one the erasure was asked, itself where it says nothing; the tombstones of copies
    and corrections share that trace. `kept_copies` are the examples that stay in the same words.
    The tombstone of a tombstone lists what that one listed. A tombstone that says otherwise of one of the messages goes
    as well: it would be believed once the message is gone, if it is the first.
    """
    known = await log.tombstones()
    facts: list[ExampleErased] = []
    for example_id, taken in messages.items():
        kept = _kept(taken, known)
        while contradicting := _contradicting(kept, known):
            kept = _kept(contradicting, known) | kept
        kept |= {seq: _restated(kept[seq]) for seq in restated if seq in kept}
        staying = known.first({*known.wrong, *kept})
        now = {each.seq for fact in facts for each in fact.erased}
        fresh = tuple(
            each for seq, each in sorted(kept.items()) if seq not in now and not _goes(staying.get(seq), each)
        )
        replaced = [known.facts[seq][1] for seq in kept if seq in known.facts and seq not in known.wrong]
        if fresh:
            facts.append(
                ExampleErased(
                    event_id=new_event_id(),
                    occurred_at=datetime.now(UTC),
                    actor=actor,
                    trace_id=f"erase {(asked or {}).get(example_id, example_id)}",
                    example_id=example_id,
                    reason=reason,
                    erased=fresh,
                    words=tuple(sorted({key for each in replaced for key in each.words})),
                    kept=tuple(sorted({*kept_copies, *(copy for each in replaced for copy in each.kept)})),
                )
            )
    published = await log.publish(facts)
    if published.refused:
        raise RooflogError(f"the tombstone was refused: {published.refused[0][1]}")
    return list(published.new)


def _kept(messages: Iterable[Message], known: Tombstones) -> dict[int, ErasedMessage]:
    """What is kept of messages, and of those that they list where they are tombstones, by sequence."""
    kept: dict[int, ErasedMessage] = {}
    listed, messages = known.listed, list(messages)
    whole = {message.seq for message in messages}
    for message in messages:
        each = remembered(message)
        if message.seq in known.wrong:
            each = structs.replace(each, fact=None)
        elif message.seq in known.facts:
            of = {each.seq: each for each in known.facts[message.seq][1].erased}
            held = _kept([known.held[seq] for seq in of if seq in known.held and seq not in whole], known)
            kept |= {seq: _restated(each) if seq in of and of[seq].restated else each for seq, each in held.items()}
            kept |= {seq: listed[seq].erased or each for seq, each in of.items() if seq not in known.held}
        kept[message.seq] = each
    return kept


def _restated(kept: ErasedMessage) -> ErasedMessage:
    """What is kept of a capture that only loses its copies: its own words may be said."""
    return structs.replace(kept, words=(), restated=True)


def held_of(tombstone: ExampleErased, held: Mapping[int, Message]) -> tuple[ErasedMessage, ...]:
    """What a tombstone lists of the messages that a log holds, each as what it is."""
    return tuple(kept for kept in tombstone.erased if kept.seq in held and _are_same(kept, remembered(held[kept.seq])))


def _contradicting(kept: dict[int, ErasedMessage], known: Tombstones) -> list[Message]:
    """The tombstones that say something else of some messages and are not among these themselves."""
    return [
        message
        for seq, (message, tombstone) in known.facts.items()
        if seq not in kept and any(not _are_same(kept[each.seq], each) for each in tombstone.erased if each.seq in kept)
    ]


def _is(listed: Message | None, kept: ErasedMessage) -> bool:
    return listed is not None and listed.erased is not None and _are_same(listed.erased, kept)


def _goes(listed: Message | None, kept: ErasedMessage) -> bool:
    """Whether a message is listed as what it is, and as one that goes whole where it is to."""
    is_restated = listed is not None and listed.erased is not None and listed.erased.restated
    return _is(listed, kept) and (kept.restated or not is_restated)


def _are_same(one: ErasedMessage, other: ErasedMessage) -> bool:
    """Whether both say the same of a message; a capture may be restated before it is erased whole."""
    free = {"seq": other.seq, "words": other.words, "restated": other.restated}
    if not (one.corrected_words and other.corrected_words):  # 0.1.0 kept none
        free["corrected_words"] = other.corrected_words
    return structs.replace(one, **free) == other


async def remove(log: Log, report: Progress | None = None) -> Removed:
    """Erase from the log every message that a tombstone lists.

    Tombstones go first, those that count for nothing before others. A message is left where the first tombstone that
    would list it afterwards says something else of it: whoever reads the log believes that one.
    """
    known, gone = await log.tombstones(), await log.deleted()
    waiting = sorted(known.listed.keys() - gone, key=lambda seq: (seq not in known.wrong, seq not in known.facts, seq))
    waiting.sort(key=lambda seq: known.listed[seq].parts.verb != ExampleRestated.verb)  # it may be in another's place
    first = known.first(known.facts.keys() & waiting)
    removed = Removed()
    for number, seq in enumerate(waiting, 1):
        message, kept = await log.at(seq), known.listed[seq].erased
        if message is not None and all(_is(first.get(n), each) for n, each in _kept([message], known).items()):
            if kept is not None and kept.restated:
                if not await restating.restate(log, known, message):
                    removed.left.append(seq)
                    continue
                removed.restated.append(seq)
            removed.messages += await log.erase(seq)
        elif message is not None:
            removed.left.append(seq)
        if report:
            report(number, len(waiting))
    return removed


async def sweep(log: Log, left: dict[str, Any]) -> int:
    """Erase what was said about erased examples, or in their words. Returns how many messages were erased.

    `left` is what the tables say is left to do.
    """
    await bury_late(log, left)
    return (await remove(log)).messages


async def bury_late(log: Log, left: dict[str, Any]) -> list[str]:
    """Publish tombstones of messages, by example, that came after its erasure, and of comments that quote them.

    Also of captures that hold a copy of it, which are restated. Returns the new event ids.
    """
    published = []
    for example_id, seqs in left["copying"].items():
        held = await restating.listed(log, seqs)
        published += await bury(
            log,
            {example_id: list(held.values())},
            reason="captures had copied it",
            actor="rooflog",
            restated=held,
        )
    for example_id, seqs in left["remnants"].items():
        messages = {seq: message for seq in seqs if (message := await log.at(seq)) is not None}
        texts = [text for message in messages.values() for text in _strings(message, texts_of)]
        for each in {each for message in messages.values() for each in message.parts.ids}:
            messages |= {
                m.seq: m for m in await log.history(each) if any(quotes(c, texts) for c in _strings(m, notes_of))
            }
        published += await bury(
            log,
            {example_id: list(messages.values())},
            reason="arrived after its example was erased",
            actor="rooflog",
        )
    return published


def _strings(message: Message, of: Callable[[Fact], list[str]]) -> list[str]:
    try:
        return of(message.fact())
    except InvalidFact:
        return []


async def finish(log: Log, state: State) -> None:
    """Erase what came after its erasure, where no projector runs that does."""
    if not state.is_owner:
        return
    left = await state.ask("erasing")
    if left["remnants"] or left["copying"]:
        await sweep(log, left)
        await settle(state)


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
    example_ids: Sequence[str],
    *,
    reason: str,
    actor: str,
    with_comments: bool = False,
    keep_copies: bool = False,
    report: Progress | None = None,
) -> Erased:
    """Erase examples and everything that repeats their texts from the log and the tables, copies unless they are kept.

    The tombstones are read as often for many examples as for one. Raises UnknownExample. After any other error the same
    call does the rest.
    """
    choice: dict[str, Any] = {"with_comments": with_comments, "keep_copies": keep_copies}
    together = proposed = await plan_all(log, state, example_ids, reason=reason, **choice)
    kept = together.copies if keep_copies else []
    taken = {message.seq for messages in together.taken.values() for message in messages} | {*together.restated}
    for _ in range(ROUNDS):
        published = await bury(log, proposed.taken, reason=reason, actor=actor, asked=proposed.asked, kept_copies=kept)
        if not [*published, *await bury_late(log, await state.ask("erasing"))]:
            break
        proposed = await plan_all(log, state, example_ids, **choice)
    ids, first = buried(await log.tombstones(), example_ids)
    done = Erased(ids or together.ids, first, 0, sorted({message.seq for message in together.left} - taken), kept)
    removed = await remove(log, report)
    if left := taken & set(removed.left):
        raise RooflogError(f"sequence {min(left)} was not removed, as another tombstone contradicts it; erase again")
    done.messages, done.restated = removed.messages, removed.restated
    await settle(state)
    return done


def buried(known: Tombstones, asked: Iterable[str]) -> tuple[list[str], int]:
    """The examples of erasures, however often they were interrupted, and the first sequence that they erased."""
    ids: dict[str, None] = {}
    first = 0
    asked = set(asked)
    traces = {f"erase {example_id}" for example_id in asked}
    for seq, (_, fact) in known.facts.items():
        if seq not in known.wrong and (fact.example_id in asked or fact.trace_id in traces):
            ids[fact.example_id] = None
            first = min([first or seq, *(kept.seq for kept in fact.erased)])
    return list(ids), first

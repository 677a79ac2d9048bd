"""Given these facts, when those are said, then that follows: stories told to the projector, and what they end in.

A story that is checked is folded again in batches of other sizes, with every batch delivered twice, and must end in
the same content. `pytest --quick` folds each story one way only.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import BytesIO
from itertools import count
from typing import Any, Literal
from unittest import mock

from msgspec import Struct, json, structs

from events.codec import encode
from events.earlier_turns import earlier_turns
from events.errors import InvalidFact
from events.facts import (
    WITH_COMMENTS,
    WITH_TEXTS,
    CorrectionRecorded,
    Document,
    ErasedMessage,
    ExampleApproved,
    ExampleCaptured,
    ExampleDescribed,
    ExampleErased,
    ExampleNoted,
    ExampleRedacted,
    ExampleRejected,
    ExampleReopened,
    Fact,
    FeedbackGiven,
    PolicyAdopted,
    comments_of,
)
from events.message import (
    Message,
    Tombstones,
    remembered,
    restated,
    restated_on,
    restored,
    tombstones,
    words_in,
)
from events.subjects import Subject, subject_of
from projections.fold import batch_file
from projections.fold.projector import Projector, prepare
from projections.fold.table_copy import compared
from projections.policy.policy import Policy, default, from_document
from projections.queries import examples
from projections.store.batch import Batch
from projections.store.checkpoint import checkpoint
from projections.store.database import Connection
from projections.texts.analysis import analyser
from projections.texts.reading import read
from projections.verdicts import verdicts
from projections.verdicts.memory import Reader

from .remembered import assert_remembered

PROMPT = "How high must base flashing extend above the roof?"
ANSWER = "Extend the TPO base flashing at least 4 inches above the finished roof membrane."
BETTER = "Extend the TPO base flashing at least 8 inches above the finished roof membrane, terminated in a reglet."
OTHER_PROMPT = "What slope does tapered polyiso insulation need?"
SUPPLIER = " Questions go to bo@example.com."
"""Personal data that can end any answer."""

QUICK = "ROOFLOG_QUICK" in os.environ
"""Whether each story is folded one way only."""

_numbers = count(1)


class Raw(Struct, frozen=True):
    """Bytes on the log that no codec of ours wrote."""

    subject: str
    data: bytes


class Erase(Struct, frozen=True):
    """A tombstone that lists what the story has said of an example's text until then, `all_but` its last messages.

    With `comments` it lists feedback and decisions too. Captures that copied its words are restated behind it.
    Under the ids `kept` its words may be said. `exactly` as 0.1.0 did, it keeps of a correction the key of exactly the
    same text alone.
    """

    example_id: str
    all_but: int = 0
    comments: bool = False
    exactly: bool = False
    kept: tuple[str, ...] = ()


Defect = Literal["digest", "subject", "no subject", "too late"]


class Lie(Struct, frozen=True):
    """A tombstone of an example that lists every message of the story until then, each with the same defect."""

    example_id: str
    defect: Defect


LIE = "a lie"
"""The reason that a lie gives."""

Said = Fact | Raw | Erase | Lie


def _envelope(minute: int = 0) -> dict[str, Any]:
    at = datetime(2025, 3, 18, 12, tzinfo=UTC) + timedelta(minutes=minute)
    return {"event_id": f"event-{next(_numbers)}", "occurred_at": at, "actor": "ana"}


def captured(
    example_id: str, prompt: str = PROMPT, response: str = ANSWER, *, minute: int = 0, **more: Any
) -> ExampleCaptured:
    fields = _envelope(minute) | {"source": "chat_interaction"} | more
    return ExampleCaptured(example_id=example_id, prompt=prompt, response=response, **fields)


def document(example_id: str, modifications: str = "none", *, was_used: bool = True, **more: Any) -> ExampleCaptured:
    made = Document(document_type="rfi", was_used=was_used, modifications_made=modifications)  # type: ignore[arg-type]
    return captured(example_id, source="rfi_generation", document=made, **more)


def liked(example_id: str, **more: Any) -> FeedbackGiven:
    return FeedbackGiven(example_id=example_id, feedback="positive", **_envelope() | more)


def disliked(example_id: str, **more: Any) -> FeedbackGiven:
    return FeedbackGiven(example_id=example_id, feedback="negative", **_envelope() | more)


def corrected(
    example_id: str | None,
    right: str = BETTER,
    *,
    wrong: str = ANSWER,
    prompt: str = PROMPT,
    id: str | None = None,  # noqa: A002
    minute: int = 0,
    **more: Any,
) -> CorrectionRecorded:
    """A correction of id `fix-…` after the example that it corrects, or `fix` where it names none."""
    fields = _envelope(minute) | {"event_id": id or (f"fix-{example_id}" if example_id else "fix")} | more
    return CorrectionRecorded(
        example_id=example_id, original_prompt=prompt, original_response=wrong, corrected_response=right, **fields
    )


def approved(
    example_id: str, *, revision: int = 0, reason: str | None = None, context: str | None = None
) -> ExampleApproved:
    return ExampleApproved(example_id=example_id, revision=revision, reason=reason, context=context, **_envelope())


def reopened(example_id: str, *, revision: int = 0) -> ExampleReopened:
    return ExampleReopened(example_id=example_id, revision=revision, **_envelope())


def rejected(example_id: str, reason: str = "wrong", *, revision: int = 0) -> ExampleRejected:
    return ExampleRejected(example_id=example_id, reason=reason, revision=revision, **_envelope())


def redacted(
    example_id: str, prompt: str = PROMPT, response: str = ANSWER, original_response: str | None = None, **more: Any
) -> ExampleRedacted:
    texts: dict[str, Any] = {"prompt": prompt, "response": response, "original_response": original_response} | more
    return ExampleRedacted(example_id=example_id, **texts, **_envelope())


def described(example_id: str, **changes: Any) -> ExampleDescribed:
    """Tags `added` and `removed`, and the fields of the fact."""
    renamed = {f"{name}_tags" if name in ("added", "removed") else name: value for name, value in changes.items()}
    return ExampleDescribed(example_id=example_id, **_envelope() | renamed)


def noted(example_id: str, note: str = "Is that so, @ben?", mentions: tuple[str, ...] = ("ben",)) -> ExampleNoted:
    return ExampleNoted(example_id=example_id, note=note, mentions=mentions, **_envelope())


def erased(example_id: str) -> ExampleErased:
    return ExampleErased(example_id=example_id, reason="asked to", **_envelope())


def policy(**changes: Any) -> Policy:
    """The policy that rooflog ships with some fields changed: `policy(filters={"min_prompt_chars": 0})`."""
    plain = default().document()
    return from_document({section: fields | changes.get(section, {}) for section, fields in plain.items()})


def adopted(policy: Policy) -> PolicyAdopted:
    return PolicyAdopted(policy=policy.document(), digest=policy.digest, **_envelope())


def junk(subject: str = "training.example.captured.a.e1", data: bytes = b"junk") -> Raw:
    return Raw(subject, data)


def unlimited(fact: Fact) -> Raw:
    """A fact as a client says it that knows no limits."""
    return Raw(subject_of(fact), json.encode(fact))


class Story:
    """Facts in the order of the log, with the sequences that the log would give them, and what follows from them."""

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self.messages = tuple(messages)

    def when(self, *said: Said) -> Story:
        """The story in which these facts are said next."""
        messages = list(self.messages)
        for one in said:
            fact = _fact(one, messages)
            messages.append(_message(len(messages) + 1, fact))
            for again in _restatements(fact, messages) if isinstance(one, Erase) else ():
                messages.append(_message(len(messages) + 1, again))
        return Story(messages)

    @property
    def left(self) -> list[Message]:
        """The story as a log tells it from which the messages that tombstones list were removed."""
        known = _known(self.messages)
        first = known.first(known.facts.keys() & known.listed.keys())
        gone = {seq: first[seq] for seq, message in known.listed.items() if first[seq].erased == message.erased}
        said = {message.subject: message for message in self.messages if message.seq not in gone}
        left = {seq: restored(message, said.get(restated_on(message.subject))) for seq, message in gone.items()}
        return [left.get(message.seq, message) for message in self.messages]

    @property
    def con(self) -> Connection:
        """The tables after the whole story."""
        return self.projector.con

    @property
    def reader(self) -> Reader:
        """The columns and the tables after the whole story, for one question."""
        return reading(self.projector)

    @cached_property
    def projector(self) -> Projector:
        """What folded the whole story; the other ways to fold it were found to end in the same content."""
        told = fold([self.messages])
        if QUICK:
            return told
        assert_remembered(told)
        content = everything(told.con)
        assert told.apply(self.messages) == 0, "a delivery that came again was folded again"
        for batches in {tuple(split(self.messages, size)) for size in (1, 2, 7)} - {(self.messages,)}:
            other = fold(batches, redeliver=True)
            assert everything(other.con) == content, f"batches of {len(batches[0])} end in other content"
            other.close()
        assert_told_ahead(self.messages, told)
        half = len(self.messages) // 2
        late, again = fold([self.messages[: half // 2]]), fold([self.messages[: half // 2]])
        parts = list(filter(None, (self.messages[half // 2 : half], self.messages[half:])))
        sealed = fold_sealed(late, parts)
        late.judge()
        assert everything(late.con) == content, "judged at the end it is other content"
        late.close()
        for batch in batch_file.read(sealed):
            again.fold(batch)
        with mock.patch.object(verdicts, "GATHERED", 3):
            again.judge()
        assert everything(again.con) == content, "from a file, gathered in portions, it is other content"
        again.close()
        if self.left != list(self.messages):
            for size in (1, 3, len(self.messages)):
                other = fold(tuple(split(self.left, size)))
                assert everything(other.con) == content, "without what was erased the log ends in other content"
                other.close()
            late, again = fold([]), fold([])
            for batch in batch_file.read(fold_sealed(late, [self.left])):
                again.fold(batch)
            again.judge()
            assert everything(again.con) == content, "from a file without what was erased it is other content"
            late.close()
            again.close()
        return told

    def then(
        self,
        *,
        training_set: Sequence[str] | None = None,
        why: Mapping[str, Sequence[str]] | None = None,
        approval: Mapping[str, str | None] | None = None,
        queue: Sequence[tuple[str, str]] | None = None,
        quarantine: Mapping[int, str] | None = None,
        waiting: int | None = None,
        texts: Mapping[str, tuple[str, str]] | None = None,
    ) -> Story:
        """Assert what the tables hold.

        `training_set` are ids in the order of the log, `why` the reasons of examples that are not in it, `queue` ids
        with the reasons of their places, `quarantine` categories by sequence.
        """
        if training_set is not None:
            rows = self.con.execute("SELECT example_id FROM verdicts WHERE reasons = 0 ORDER BY seq").fetchall()
            assert [example_id for (example_id,) in rows] == list(training_set)
        for example_id, reasons in (why or {}).items():
            verdict = {"in_training": not reasons, "reasons": list(reasons)}
            assert self.show(example_id)["verdict"] == verdict, example_id
        for example_id, expected in (approval or {}).items():
            assert self.show(example_id)["approval"] == expected, example_id
        for example_id, expected_texts in (texts or {}).items():
            shown = self.show(example_id)
            assert (shown["prompt"], shown["response"]) == expected_texts, example_id
        if queue is not None:
            assert [(i["example_id"], i["why"]) for i in examples.queue(self.reader)["items"]] == list(queue)
        if quarantine is not None:
            rows = self.con.execute("SELECT seq, category FROM quarantine ORDER BY seq").fetchall()
            assert dict(rows) == quarantine
        if waiting is not None:
            assert examples.status(self.con)["waiting_for_example"] == waiting
        return self

    def show(self, example_id: str) -> dict[str, Any]:
        shown = examples.show(self.con, example_id=example_id)
        assert shown is not None, f"the tables hold no {example_id}"
        return shown

    @property
    def funnel(self) -> dict[str, Any]:
        return examples.funnel(self.reader.columns.counts)


def given(*said: Said) -> Story:
    return Story().when(*said)


def fold(batches: Sequence[Sequence[Message]], *, redeliver: bool = False) -> Projector:
    """A projector in memory that was given the batches, each a second time where `redeliver`."""
    projector = Projector(None)
    for batch in batches:
        assert projector.apply(batch) == len(batch)
        assert not redeliver or projector.apply(batch) == 0
    return projector


def assert_told_ahead(messages: Sequence[Message], told: Projector) -> None:
    """Batches whose texts another process has read by the policy that rooflog ships end in the same content."""
    projector = Projector(None)
    for some in split(messages, 3):
        batch = prepare(some)
        examples = batch.rows.get("examples")
        ahead = None
        if examples is not None and not batch.erased:
            ahead = pickle.loads(pickle.dumps(read(analyser(default()), examples)))  # noqa: S301 -- our own
        projector.take(batch, ahead)
    assert everything(projector.con) == everything(told.con), "what was read ahead ends in other content"
    projector.close()


def fold_sealed(projector: Projector, batches: Sequence[Sequence[Message]]) -> BytesIO:
    """Fold batches that come from another process, without judging; the file that holds them."""
    file = BytesIO()
    for messages in filter(None, batches):
        prepared = prepare(messages)
        prepared.let_go()
        batch: Batch = pickle.loads(pickle.dumps(prepared))  # noqa: S301 -- our own
        projector.fold(batch)
        arrived = [] if batch.arrived is None else batch.arrived["seq"].to_pylist()
        batch_file.write(file, batch, batch_file.asked_for(batch, arrived))
    return file


def reading(projector: Projector) -> Reader:
    """One moment of what a projector has folded, for one question."""
    return projector.reader(projector.con.cursor())


def everything(con: Connection) -> dict[str, Any]:
    """The rows of every table that follow from the log alone, and where the tables stand."""
    rows = {table.name: con.execute(f"FROM {table.name} ORDER BY ALL").fetchall() for table in compared()}
    return rows | {"checkpoint": checkpoint(con)}


def split(messages: Sequence[Message], size: int) -> Iterator[tuple[Message, ...]]:
    for start in range(0, len(messages), size):
        yield tuple(messages[start : start + size])


def tables_holding(con: Connection, text: str) -> list[str]:
    """The tables in one of whose rows a text occurs."""
    names = con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1").fetchall()
    return [name for (name,) in names if any(text in repr(row) for row in con.execute(f"FROM {name}").fetchall())]


def _fact(said: Said, messages: Sequence[Message]) -> Fact | Raw:
    match said:
        case Erase():
            return _tombstone(said, messages)
        case Lie():
            return _lie(said, messages)
        case _:
            return said


def _lie(lie: Lie, messages: Sequence[Message]) -> ExampleErased:
    last = len(messages) + 1
    kept = (*map(remembered, messages), ErasedMessage(seq=last, digest="0" * 64))
    defects: dict[Defect, dict[str, Any]] = {
        "digest": {"digest": "0" * 64},
        "subject": {"subject": "training.example.captured.other.e1"},
        "no subject": {"subject": ""},
        "too late": {"seq": last},
    }
    false = tuple(structs.replace(each, **defects[lie.defect]) for each in kept)
    return ExampleErased(example_id=lie.example_id, reason=LIE, erased=false, **_envelope())


def _known(messages: Sequence[Message]) -> Tombstones:
    said = {m.seq: (m, fact) for m, fact in _decoded(messages) if isinstance(fact, ExampleErased)}
    return tombstones(said, {message.seq: message for message in messages})


def _tombstone(erase: Erase, messages: Sequence[Message]) -> ExampleErased:
    """It lists what is, or may be, a text of the example, and the lies that would be believed instead.

    Where it lists a tombstone, it lists what says the words that were erased by that one, too.
    """
    kinds = WITH_TEXTS + WITH_COMMENTS if erase.comments else WITH_TEXTS
    others = {message.seq for message, fact in _decoded(messages) if not isinstance(fact, kinds)}
    known = _known(messages)
    lies = known.wrong
    said = [m for m in messages if m.seq not in others and m.seq not in lies and _is_of(m.parts, erase.example_id)]
    taken = said[: len(said) - erase.all_but]
    replaced = [known.facts[m.seq] for m in taken if m.seq in known.facts]
    words = {key for _, tombstone in replaced for each in tombstone.erased for key in each.words}
    taken += [
        m
        for m, fact in _decoded(messages)
        if replaced and isinstance(fact, ExampleCaptured | CorrectionRecorded) and not words.isdisjoint(words_in(fact))
    ]
    redactions = [(m.seq, fact) for m, fact in _decoded(taken) if isinstance(fact, ExampleRedacted)]
    reworded = {new.seq for seq, fact in redactions for new in fact.comments if new.seq < seq}
    own = [(m, fact) for m, fact in _decoded(messages) if _is_of(m.parts, erase.example_id)]
    taken += [m for m, fact in own if m.seq in reworded and comments_of(fact)]
    kept = {message.seq: remembered(message) for message in (*taken, *(messages[seq - 1] for seq in lies))}
    kept |= {seq: structs.replace(kept[seq], fact=None) for seq in lies}
    words = {key for each in kept.values() for key in each.words}
    for message, fact in _decoded(messages):
        turns = earlier_turns(fact) if type(fact) is ExampleCaptured else None
        if turns and message.seq not in kept and not words.isdisjoint(turns.copied):
            kept[message.seq] = structs.replace(remembered(message), words=(), restated=True)
    forgotten = {"corrected_words": None} if erase.exactly else {}
    listed = tuple(structs.replace(kept[seq], **forgotten) for seq in sorted(kept))
    return ExampleErased(example_id=erase.example_id, reason="asked to", erased=listed, kept=erase.kept, **_envelope())


def _restatements(tombstone: Fact | Raw, messages: Sequence[Message]) -> Iterator[Fact]:
    """The captures that a tombstone takes copies from, without them."""
    assert isinstance(tombstone, ExampleErased)
    said = {message.subject for message in messages}
    for kept in tombstone.erased:
        fact = restated(messages[kept.seq - 1])
        if kept.restated and fact is not None and subject_of(fact) not in said:
            yield fact


def _is_of(parts: Subject, example_id: str) -> bool:
    """Whether a fact is about an example, or is the correction of that id."""
    return example_id == (parts.correction_id or parts.about)


def _decoded(messages: Sequence[Message]) -> Iterator[tuple[Message, Fact]]:
    for message in messages:
        with suppress(InvalidFact):
            yield message, message.fact()


def _message(seq: int, said: Fact | Raw) -> Message:
    subject, data = (said.subject, said.data) if isinstance(said, Raw) else (subject_of(said), encode(said))
    return Message(seq, subject, data, 1_742_299_200_000_000_000)

"""Secure erasure: after it no file holds the text, the tables equal a rebuild, and any interruption can be finished."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import structs

from events.codec import encode
from events.facts import (
    CorrectionRecorded,
    ErasedMessage,
    ExampleCaptured,
    ExampleErased,
    ExampleRedacted,
    ExampleRejected,
    Fact,
    FeedbackGiven,
    NewComment,
    TrainingTriggered,
)
from events.log import read
from events.log.log import Log
from events.message import remembered
from events.subjects import TOMBSTONES, new_event_id, subject_of
from projections.fold.content_digest import content_digest
from projections.fold.projector import Projector
from services.exporter.client import ask
from services.integrity import erasure
from services.runtime.nats_server import EmbeddedServer
from services.settings import Settings
from services.state.client import open_state
from services.state.owner import Owner
from tests.deadlines import FAR_SECONDS

from ...events.quoting import fields, marked, marker, quoting
from ..conftest import ANSWER, NOW, SEEDS, Cli, capture
from ..forked import Forked
from ..projector.test_service import until_running
from ..search import holding

MARKER = "Kowalczyk77"
BETTER = "Extend the base flashing 10 inches above the roof surface, as the specification of this section asks."
SECRET = f"{ANSWER} Ask {MARKER} about the roof."
ASKED = f"How high must base flashing of the {MARKER} roof be?"


def about(example_id: str, event_id: str) -> dict[str, Any]:
    return {"event_id": event_id, "occurred_at": NOW, "actor": "test", "example_id": example_id}


def fix(example_id: str | None, event_id: str, wrong: str, right: str = SECRET) -> CorrectionRecorded:
    texts: dict[str, Any] = {"original_prompt": ASKED, "original_response": wrong, "corrected_response": right}
    return CorrectionRecorded(**about("", event_id) | {"example_id": example_id}, **texts)


STORY: list[Fact] = [
    capture("Which TPO seam overlap is right?", example_id="other"),
    capture(ASKED, SECRET, example_id="a", details={"note": MARKER}),
    fix("a", "named", SECRET, f"{ANSWER} {MARKER}"),
    fix(None, "by-words", SECRET),
    fix("named", "of-a-correction", f"{ANSWER} {MARKER}"),
    capture(ASKED, SECRET, example_id="copy"),
    ExampleRedacted(**about("a", "r"), prompt=f"{ASKED}!", response=SECRET),
    FeedbackGiven(**about("a", "quoting"), feedback="negative", comment=f"not what {MARKER} said"),
    FeedbackGiven(**about("a", "harmless"), feedback="negative", comment="which code?"),
    ExampleRejected(**about("a", "rejected"), revision=9, reason="no source is given"),
]
REPEATING = {"a", "named", "by-words", "of-a-correction", "copy"}


async def tell(log: Log) -> None:
    assert not (await log.publish(STORY)).refused
    for subject in ("training.example.captured.a.again", "training.example.noticed.a.x"):
        await log.client.jetstream().publish(subject, f'{{"type":"x","text":"{MARKER}"}}'.encode())


async def tell_unasked(log: Log, facts: Sequence[Fact]) -> int:
    """Publish facts as somebody who may not read does; the first sequence."""
    acks = [await log.client.jetstream().publish(subject_of(fact), encode(fact)) for fact in facts]
    return acks[0].seq


def files_holding(folder: Path, text: str) -> list[Path]:
    """What `grep -r` finds."""
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


async def rebuilt_digest(log: Log) -> str:
    projector = Projector(None)
    async for messages in log.read(0, batch=7):
        projector.apply(messages)
    digest = content_digest(projector.con)
    projector.close()
    return digest


async def digest_of(cli: Cli, log: Log) -> str:
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        return str((await state.ask("digest"))["content_digest"])


def tables_holding(database: Path, text: str) -> list[str]:
    """The tables in one of whose rows a text occurs, however they are compressed in the file."""
    with duckdb.connect(database, read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        return [name for (name,) in names if any(text in repr(row) for row in con.execute(f"FROM {name}").fetchall())]


async def messages_holding(log: Log, text: str) -> list[int]:
    """The sequences of the messages that hold a text, however the store compresses them."""
    return [message.seq async for batch in log.read(0) for message in batch if text.encode() in message.data]


async def assert_forgotten(cli: Cli, log: Log, marker: str = MARKER) -> None:
    assert files_holding(cli.data_dir, marker) == []
    assert await messages_holding(log, marker) == []
    assert await digest_of(cli, log) == await rebuilt_digest(log)
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        assert await state.ask("erasing") == {"remnants": {}, "copying": {}, "compaction_due": False}


async def test_no_file_holds_the_text_and_tables_equal_a_rebuild(cli: Cli, log: Log) -> None:
    await tell(log)
    cli.run("stats")
    assert {file.suffix for file in files_holding(cli.data_dir, MARKER)} == {".blk", ".duckdb"}
    proposed = cli.json("erase", "a", "--reason", "asked", "--dry-run")
    assert {seq for seqs in proposed["messages"].values() for seq in seqs} == {2, 3, 4, 5, 6, 7, 8, 11, 12}
    told = cli.json("erase", "a", "--reason", "asked")
    assert set(told["erased_ids"]) == REPEATING
    assert (told["messages"], told["comments_kept"]) == (9, [9, 10])
    await assert_forgotten(cli, log)
    assert cli.json("show", "a")["verdict"]["reasons"][-2:] == ["erased", "rejected"]
    assert [fact["seq"] for fact in cli.json("history", "other")["facts"]] == [1]


async def test_copies_are_listed_and_stay_where_that_is_chosen(cli: Cli, log: Log) -> None:
    copy = capture(ASKED, f"{SECRET}\r\n", example_id="copy")
    better = fix("copy", "better", copy.response, BETTER)
    await log.publish([capture(ASKED, SECRET, example_id="a"), copy, better])
    proposed = cli.json("erase", "a", "--reason", "asked", "--dry-run")
    assert set(proposed["copies"]) == {"copy", "better"}
    assert set(proposed["erased_ids"]) == {"a", "copy", "better"}
    assert cli.json("erase", "a", "--reason", "asked", "--dry-run", "--keep-copies")["erased_ids"] == ["a"]
    done = cli.json("erase", "a", "--reason", "asked", "--keep-copies")
    assert (set(done["copies_kept"]), done["erased_ids"]) == ({"copy", "better"}, ["a"])
    assert [set(fact.kept) for _, fact in (await log.tombstones()).facts.values()] == [{"copy", "better"}]
    assert cli.json("show", "better")["response"] == BETTER
    again, other = fix("copy", "of-the-copy", SECRET, ANSWER), capture(ASKED, SECRET, example_id="other")
    said = await log.publish([copy, again, other])
    assert (said.existing, [one for one, _ in said.refused]) == (("copy",), ["other"])
    await tell_unasked(log, [other])
    cli.run("stats")
    assert await messages_holding(log, MARKER) == [2, 3, 5]
    assert cli.json("show", "copy")["response"] == copy.response
    assert await digest_of(cli, log) == await rebuilt_digest(log)
    cli.run("erase", "copy", "--reason", "asked")
    await assert_forgotten(cli, log)


async def test_tombstones_are_read_as_often_for_many(cli: Cli, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"e{number}" for number in range(6)]
    await log.publish([capture(f"Which slope has roof {one}?", f"{ANSWER} {one}", example_id=one) for one in ids])
    readings: list[Log] = []
    tombstones = read.tombstones

    async def counted(asked: Log) -> Any:
        readings.append(asked)
        return await tombstones(asked)

    monkeypatch.setattr(read, "tombstones", counted)
    counts = []
    for some in (ids[:1], ids[1:]):
        readings.clear()
        async with open_state(Settings(data_dir=cli.data_dir), log) as state:
            done = await erasure.erase(log, state, some, reason="asked", actor="ann")
        assert done.ids == some
        counts.append(len(readings))
    assert counts[1] <= counts[0] + 1  # the first publication knows of no tombstone


async def test_erasing_again_says_the_same_and_changes_nothing(cli: Cli, log: Log) -> None:
    await tell(log)
    cli.run("erase", "a", "--reason", "asked")
    last, digest = await log.last_sequence(), await digest_of(cli, log)
    again = cli.json("erase", "a", "--reason", "asked")
    assert again["messages"] == 0
    assert (await log.last_sequence(), await digest_of(cli, log)) == (last, digest)


async def test_every_comment_goes_where_that_is_wanted(cli: Cli, log: Log) -> None:
    await tell(log)
    told = cli.json("erase", "a", "--reason", "asked", "--comments")
    assert (told["messages"], told["comments_kept"]) == (11, [])
    await assert_forgotten(cli, log)
    assert cli.json("show", "a")["decision"] is None


async def test_a_comment_that_was_redacted_goes_with_the_redaction(cli: Cli, log: Log) -> None:
    """Given a comment that the log still holds as it was said, then an erasure leaves no fact that would show it."""
    reworded = NewComment(seq=2, comment="ask [NAME]")
    said = [
        capture("Which TPO seam overlap is right?", example_id="a"),
        FeedbackGiven(**about("a", "private"), feedback="negative", comment=f"ask {MARKER}"),
        FeedbackGiven(**about("a", "harmless"), feedback="negative", comment="which code?"),
        ExampleRedacted(**about("a", "r"), prompt="p", response="r", comments=(reworded,)),
    ]
    assert not (await log.publish(said)).refused
    assert cli.json("erase", "a", "--reason", "asked")["comments_kept"] == [3]
    await assert_forgotten(cli, log)


async def test_every_comment_that_quotes_the_text_goes_with_it(cli: Cli, log: Log) -> None:
    words = [marker(*field) for field in fields()]
    story = [capture(ASKED, f"{ANSWER} Ask {' or '.join(words)}.", example_id="a")]
    assert not (await log.publish([*story, *quoting("a", "not what {field} said")])).refused
    for word in words:
        assert len(await messages_holding(log, word)) == 2
    cli.run("stats")
    cli.run("erase", "a", "--reason", "asked")
    for word in words:
        await assert_forgotten(cli, log, word)
        assert tables_holding(cli.data_dir / "rooflog.duckdb", word) == []


async def test_a_tombstone_that_quotes_the_text_is_replaced(cli: Cli, log: Log) -> None:
    await log.publish([capture(ASKED, SECRET, example_id="a"), capture(example_id="b")])
    message = await log.at(1)
    assert message is not None
    listed = (remembered(message),)
    await log.publish([ExampleErased(**about("a", "quoting"), reason=f"asked by {MARKER}", erased=listed)])
    cli.run("erase", "a", "--reason", "asked")
    await assert_forgotten(cli, log)
    assert [m.erased_by for m in [m async for batch in log.read(0) for m in batch]] == [4, 0, 4, 0]
    assert cli.json("show", "a")["verdict"]["reasons"] == ["erased", "not_approved"]
    assert cli.json("erase", "a", "--reason", "asked", "--comments")["messages"] == 0


async def test_a_reason_that_quotes_the_text_is_refused(cli: Cli, log: Log) -> None:
    await tell(log)
    for more in ([], ["--dry-run"]):
        refused = cli.run("erase", "a", "--reason", f"The owner {MARKER} asked", *more, code=1)
        assert "the reason repeats words of the text" in refused.stderr
    assert await log.matching(TOMBSTONES) == []
    assert "would erase" in cli.run("erase", "a", "--reason", "Asked by its owner", "--dry-run").stdout


def test_an_example_that_never_was_cannot_be_erased(cli: Cli) -> None:
    assert "no example 'ghost'" in cli.run("erase", "ghost", "--reason", "x", code=2).stderr


async def test_a_projector_answers_while_it_writes_its_file_anew(
    cli: Cli, log: Log, start: Callable[..., Forked]
) -> None:
    start("projector")
    await until_running(log)
    await tell(log)
    done, answers = asyncio.Event(), []

    async def read() -> None:
        async with open_state(Settings(data_dir=cli.data_dir), log) as state:
            while not done.is_set():
                answers.append((await state.ask("stats"))["total"])

    reading = asyncio.create_task(read())
    await asyncio.to_thread(cli.run, "erase", "a", "--reason", "asked")
    done.set()
    await reading
    assert set(answers) == {6}
    await assert_forgotten(cli, log)


async def test_what_arrives_after_its_erasure_goes_as_well(cli: Cli, log: Log, start: Callable[..., Forked]) -> None:
    """The subject is free again once its message is gone: a late outbox can say the same fact a second time."""
    start("projector")
    await until_running(log)
    await tell(log)
    await asyncio.to_thread(cli.run, "erase", "a", "--reason", "asked")
    late = [STORY[1], fix("a", "late", SECRET), capture(f" {ASKED}", f"{SECRET}\r\n", example_id="again")]
    assert all("erased on 20" in reason for _, reason in (await log.publish(late)).refused)
    first = await tell_unasked(log, late)
    async with asyncio.timeout(FAR_SECONDS), open_state(Settings(data_dir=cli.data_dir), log) as state:
        while not {first, first + 1, first + 2} <= await log.deleted():
            await asyncio.sleep(0.05)
        while (await state.ask("erasing"))["compaction_due"]:
            await asyncio.sleep(0.05)
    await assert_forgotten(cli, log)


async def test_without_projector_the_next_command_erases_what_arrived(cli: Cli, log: Log) -> None:
    await tell(log)
    cli.run("erase", "a", "--reason", "asked")
    await tell_unasked(log, [STORY[1], capture(f" {ASKED}", f"{SECRET}\r\n", example_id="again")])
    assert cli.json("show", "again")["verdict"]["reasons"] == ["erased", "not_approved"]
    await assert_forgotten(cli, log)


IMPORTED = {
    "id": "gone1",
    "timestamp": "2025-03-18T14:00:00",
    "source": "chat_interaction",
    "prompt": ASKED,
    "response": SECRET,
    "quality": {"user_feedback": "positive"},
}


@pytest.mark.parametrize("changed", [{}, {"id": "gone2"}, {"id": "gone2", "response": f" {SECRET}\r\n"}])
async def test_an_import_of_what_was_erased_is_refused(
    cli: Cli, log: Log, tmp_path: Path, changed: dict[str, str]
) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text(json.dumps(IMPORTED))
    cli.run("import", file)
    cli.run("erase", "gone1", "--reason", "asked")
    last = await log.last_sequence()
    file.write_text(f"{json.dumps(IMPORTED | {'id': 'kept', 'response': ANSWER})}\n{json.dumps(IMPORTED | changed)}\n")
    report = cli.json("import", file, code=1)
    (problem,) = report["problems"]
    assert (report["new"], problem["line"]) == (2, 2)
    assert "erased on 20" in problem["reason"]
    assert await log.last_sequence() == last + 2
    file.write_text(json.dumps(IMPORTED | changed))
    alone = cli.run("import", file, code=1)
    assert "known formats are" not in alone.stdout + alone.stderr, "its format is known, and it is refused all the same"


@pytest.mark.parametrize("removed", [0, 1, 5])
async def test_the_command_finishes_what_ended_between_two_steps(cli: Cli, log: Log, removed: int) -> None:
    await tell(log)
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        found = await erasure.plan(log, state, "a")
        await erasure.bury(log, found.taken, reason="asked", actor="ann")
    for seq in sorted(await log.erased())[:removed]:
        await log.erase(seq)
    cli.run("erase", "a", "--reason", "asked")
    await assert_forgotten(cli, log)
    assert len(await log.matching(TOMBSTONES)) == len(REPEATING)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_anywhere_the_same_command_finishes_it(cli: Cli, seed: int) -> None:
    rng = random.Random(seed)
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access())
        await tell(log)
        cli.run("stats")
        for _ in range(3):
            process = cli.start("erase", "a", "--reason", "asked")
            await asyncio.sleep(rng.uniform(0.0, 1.1))
            process.kill()
            process.wait()
        cli.run("erase", "a", "--reason", "asked")
        await assert_forgotten(cli, log)
        assert len(await log.matching(TOMBSTONES)) == len(REPEATING)
        await log.close()


async def test_a_long_read_delays_the_new_file_and_ends_well(cli: Cli, log: Log, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.state.owner.REPLACE_SECONDS", 0.1)
    await log.publish([*STORY[:2], FeedbackGiven(**about("other", "like"), feedback="positive")])
    owner = Owner(cli.data_dir / "rooflog.duckdb")
    await owner.catch_up(log)
    rows = owner.rows("training_set", {})
    next(rows)
    await log.publish([ExampleErased(**about("a", "t"), reason="x")])
    await owner.catch_up(log)
    assert owner.answer("erasing", {})["compaction_due"]
    assert len(list(rows)) == 1
    assert owner.compact()
    assert not owner.answer("erasing", {})["compaction_due"]
    assert owner.answer("status", {})["checkpoint"] == 4
    owner.close()


@pytest.mark.parametrize(
    ("comment", "does"),
    [
        ("which code?", False),
        ("the answer is wrong, look it up", False),
        ("Kowalczyk77 did not say so", True),
        ("the customer bo@example.com says no", True),
        ("it says above the finished roof, why?", True),
        ("8 inches?", False),
        ("", False),
    ],
)
def test_a_comment_quotes_by_three_words_or_a_telling_one(comment: str, does: bool) -> None:
    assert erasure.quotes(comment, [SECRET, "Mail bo@example.com about it"]) is does


LIKES: list[Fact] = [FeedbackGiven(**about(one, f"like-{one}"), feedback="positive") for one in ("a", "b", "c")]
TRAINED: list[ExampleCaptured] = [
    capture(f"Which TPO seam overlap is right at {MARKER}?", f"{ANSWER} {MARKER}", example_id="a"),
    capture("What slope does tapered polyiso insulation need?", ANSWER, example_id="b"),
    capture("How do I flash a pipe boot on EPDM?", ANSWER, example_id="c"),
]


def lies(seqs: Sequence[int], messages: Sequence[ErasedMessage], **told: Any) -> ExampleErased:
    """A tombstone of the example `a` that says something untrue of messages."""
    false = tuple(structs.replace(messages[seq - 1], **told) for seq in seqs)
    return ExampleErased(**about("a", new_event_id()), reason="x", erased=false)


LIES: list[dict[str, Any]] = [{"digest": "0" * 64}, {"subject": "training.example.captured.b.b"}, {"subject": ""}]


async def test_tombstones_that_list_wrongly_erase_nothing_and_are_named(cli: Cli, log: Log) -> None:
    await log.publish([*TRAINED, *LIKES])
    kept = [remembered(message) async for batch in log.read(0) for message in batch]
    before = await training_set(cli, log)
    assert len(before) == 3
    said = [lies(seqs, kept, **told) for told in LIES for seqs in ([1], [2, 3], range(1, 7))]
    assert not (await log.publish(said)).refused
    assert (await erasure.remove(log)).messages == 0
    assert await training_set(cli, log) == before
    assert await digest_of(cli, log) == await rebuilt_digest(log)
    verified = cli.json("verify")
    assert [problem["seq"] for problem in verified["wrong_tombstones"]] == list(range(7, 7 + len(said)))
    assert "the tombstone at 7: it lists sequence 1 under" in cli.run("verify").stdout
    assert {item["category"] for item in cli.json("quarantine", "list")["items"]} == {"wrong_tombstone"}


@pytest.mark.parametrize("told", [*LIES, {"fact": None}, {"fact": "feedback.given.v1"}])
async def test_a_lie_that_came_first_is_erased(cli: Cli, log: Log, told: dict[str, Any]) -> None:
    await log.publish([*TRAINED, *LIKES])
    kept = [remembered(message) async for batch in log.read(0) for message in batch]
    assert not (await log.publish([lies([1], kept, **told), lies([1, 4], kept, **told)])).refused
    cli.run("stats")
    cli.run("erase", "a", "--reason", "asked")
    await log.publish([lies([1], kept, **told | {"corrected": "0" * 32}), lies([2], kept, digest="0" * 64)])
    cli.run("stats")
    await assert_forgotten(cli, log)
    assert cli.json("verify")["problems"] == []
    assert len(await training_set(cli, log)) == 2


async def training_set(cli: Cli, log: Log) -> list[str]:
    async with (
        open_state(Settings(data_dir=cli.data_dir), log) as state,
        state.training_set("medium") as (_, batches),
    ):
        return [example_id async for batch in batches for example_id in batch["example_id"].to_pylist()]


def export(cli: Cli) -> Any:
    return cli.json("export", "--min-examples", "1")


async def trained(cli: Cli, log: Log) -> list[str]:
    """Two exports that hold the text, the first of them trained on, and one from before."""
    await log.publish([*TRAINED[1:], *LIKES[1:2]])
    before = export(cli)["export_digest"]
    await log.publish([TRAINED[0], LIKES[0]])
    first = export(cli)["export_digest"]
    await log.publish(
        [
            TrainingTriggered(
                event_id=outcome,
                occurred_at=NOW,
                actor="exporter",
                export_digest=first,
                outcome=outcome,
                call_id="fc-1",
            )
            for outcome in ("intended", "started", "succeeded")
        ]
    )
    await log.publish(LIKES[2:])
    return [before, first, export(cli)["export_digest"]]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_no_word_of_any_field_survives_whatever_is_killed(cli: Cli, seed: int) -> None:
    rng = random.Random(seed)
    facts = marked("a")
    words = [word for word, _ in facts]
    story = [fact for _, fact in facts] + [capture(ASKED, f"{ANSWER} Ask {' or '.join(words)}.", example_id="a")]
    story += [capture(f"What of roof {n}?", example_id=f"other{n}") for n in range(5)]
    rng.shuffle(story)
    with EmbeddedServer(cli.data_dir) as server:
        log = await Log.connect(server.access())
        late = story[-rng.randrange(2, 8) :]
        for fact in story[: -len(late)]:
            await tell_unasked(log, [fact])
            if rng.random() < 0.15:
                cli.run(*rng.choice([["stats"], ["export", "--min-examples", "0"], ["stats", "--as-of", "3"]]))
        await log.client.jetstream().publish("training.example.noticed.a.x", f"{{{words[0]}".encode())
        await tell_unasked(log, [capture(ASKED, SECRET, example_id="a")])
        assert await messages_holding(log, words[0]) != []
        await killed(cli, rng, "erase", "a", "--reason", "asked", "--comments")
        cli.run("erase", "a", "--reason", "asked", "--comments")
        for part in (late[: len(late) // 2], late[len(late) // 2 :]):
            await tell_unasked(log, part)
            await killed(cli, rng, "stats")
            cli.run("stats")
        cli.run("erase", "a", "--reason", "asked", "--comments")
        await assert_forgotten(cli, log)
        assert [word for word in words if await messages_holding(log, word)] == []
        assert holding(cli.data_dir, words) == []
        await log.close()


async def killed(cli: Cli, rng: random.Random, *args: str) -> None:
    """Start a command, and kill it at some moment."""
    process = cli.start(*args)
    await asyncio.sleep(rng.uniform(0.0, 1.1))
    process.kill()
    process.wait()


class TestChosenByFilters:
    async def test_nothing_goes_before_it_was_shown_and_confirmed(self, cli: Cli, log: Log) -> None:
        await tell(log)
        shown = cli.run("erase", "--by", "test", "--reason", "asked", code=1).stdout
        assert "say it again with --yes" in shown
        assert await log.matching(TOMBSTONES) == []
        told = cli.json("erase", "--by", "test", "--source", "chat_interaction", "--reason", "asked", "--yes")
        assert set(told["erased_ids"]) == REPEATING | {"other"}
        await assert_forgotten(cli, log)

    @pytest.mark.parametrize(
        ("chosen", "erased"),
        [
            (["--tag", "codes"], {"b"}),
            (["--project", "Depot"], {"c"}),
            (["--tag", "codes", "--project", "Depot"], set()),
            (["--conversation", "thread 1"], {"a", "b"}),
            (["--conversation", "thread 2"], set()),
            (["--about", "pipe  BOOT"], {"c"}),
            (["--about", "pipe boot", "--tag", "codes"], set()),
        ],
    )
    async def test_every_filter_has_to_match(self, cli: Cli, log: Log, chosen: list[str], erased: set[str]) -> None:
        turns = (
            structs.replace(TRAINED[0], conversation="thread 1"),
            structs.replace(TRAINED[1], tags=("codes",), follows="a"),
        )
        await log.publish([*turns, structs.replace(TRAINED[2], project_context="Depot")])
        if not erased:
            assert "no example matches" in cli.run("erase", *chosen, "--reason", "x", "--dry-run", code=2).stderr
        else:
            assert set(cli.json("erase", *chosen, "--reason", "x", "--dry-run")["erased_ids"]) == erased

    def test_ids_and_filters_are_not_mixed(self, cli: Cli) -> None:
        for chosen in ([], ["a", "--tag", "codes"]):
            assert "give one or more IDs, or filters" in cli.run("erase", *chosen, "--reason", "x", code=2).stderr

    async def test_what_held_finds_is_erased_with_its_comments(self, cli: Cli, log: Log) -> None:
        await tell(log)
        comment = FeedbackGiven(**about("other", "said"), feedback="negative", comment=f"ask {MARKER}")
        await log.publish([comment])
        found = cli.json("held", MARKER.upper())
        assert set(found["examples"]) == {*REPEATING - {"copy"}, "copy", "other"} - {"by-words"} | {"by-words"}
        assert {place["seq"] for place in found["places"]} == {2, 3, 4, 5, 6, 7, 8, 11, 12, 13}
        cli.run("erase", "--about", MARKER, "--reason", "asked", "--yes")
        await assert_forgotten(cli, log)
        assert cli.json("held", MARKER)["status"] == "nothing"


class TestExports:
    async def test_a_dry_run_names_files_exports_and_trainings(self, cli: Cli, log: Log) -> None:
        _, first, second = await trained(cli, log)
        told = cli.json("erase", "a", "--reason", "asked", "--dry-run")
        assert [one["export_digest"] for one in told["exports"]] == [second, first]
        assert [t["call_id"] for t in told["trainings"]] == ["fc-1"]
        files = [path.rpartition(" ")[2] for path in told["files"]]
        assert str(cli.data_dir / "rooflog.duckdb") in files
        digests = {path.split("/")[1] for path in files if path.startswith("exports/")}
        assert digests == {first, second}
        assert files_holding(cli.data_dir, MARKER) != []

    async def test_no_export_holds_the_text_and_earlier_ones_are_listed(self, cli: Cli, log: Log) -> None:
        before, first, second = await trained(cli, log)
        told = cli.json("erase", "a", "--reason", "asked")
        assert [one["export_digest"] for one in told["exports"]] == [second, first]
        assert [(t["export_digest"], t["call_id"], t["outcome"]) for t in told["trainings"]] == [
            (first, "fc-1", "succeeded")
        ]
        assert set(told["withdrawn"]) == {first, second}
        await assert_forgotten(cli, log)
        root = (cli.data_dir / "volume" / "training_conversations.jsonl").read_text()
        assert [json.loads(line)["prompt"] for line in root.splitlines()] == [fact.prompt for fact in TRAINED[1:]]
        assert (cli.data_dir / "volume" / "exports" / first / "lineage.parquet").exists()
        assert cli.json("audit", told["new_export"])["status"] == "same"
        assert cli.json("audit", before)["status"] == "same"
        audited = cli.json("audit", first, code=1)
        assert (audited["is_same_log"], audited["erased"]) == (True, [5])
        assert [one["export_digest"] for one in cli.json("lineage", "a")["in"]] == [second, first]

    async def test_an_export_with_the_text_before_a_turn_is_listed(self, cli: Cli, log: Log) -> None:
        """Given a turn that is no row itself, then the exports of what follows it had contained it."""
        follow_up = capture("And how wide is the seam of the roof?", f"b {ANSWER}", example_id="b", follows="a")
        await log.publish([TRAINED[0], follow_up, LIKES[1], TRAINED[2], LIKES[2]])
        digest = export(cli)["export_digest"]
        told = cli.json("erase", "a", "--reason", "asked")
        assert [(one["export_digest"], list(one["lines"])) for one in told["exports"]] == [(digest, ["b"])]
        assert told["withdrawn"] == [digest]
        await assert_forgotten(cli, log)

    async def test_said_again_it_lists_the_same_exports(self, cli: Cli, log: Log) -> None:
        await trained(cli, log)
        first, again = (cli.json("erase", "a", "--reason", "asked") for _ in range(2))
        assert (again["exports"], again["withdrawn"], again["new_export"]) == (first["exports"], [], None)

    async def test_what_a_killed_exporter_left_goes_as_well(self, cli: Cli, log: Log) -> None:
        await trained(cli, log)
        for left in ("export.audit/x.jsonl", "volume/.root.123.part", "past.1/rooflog.duckdb"):
            (cli.data_dir / left).parent.mkdir(parents=True, exist_ok=True)
            (cli.data_dir / left).write_text(MARKER)
        cli.run("erase", "a", "--reason", "asked")
        await assert_forgotten(cli, log)

    async def test_a_running_exporter_makes_the_new_export(
        self, cli: Cli, log: Log, start: Callable[..., Forked]
    ) -> None:
        await trained(cli, log)
        start("projector")
        await until_running(log)
        start("exporter")
        async with asyncio.timeout(FAR_SECONDS):
            while await ask(log, "status") is None:
                await asyncio.sleep(0.05)
        told = await asyncio.to_thread(cli.json, "erase", "a", "--reason", "asked")
        assert len(told["exports"]) >= 2
        await assert_forgotten(cli, log)

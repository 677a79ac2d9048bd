"""Conversations from import to export: whole, none a duplicate of another, and on one side of the split."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, structs

from events.facts import CorrectionRecorded, ExampleCaptured, ExampleRedacted
from events.log.log import Log
from projections.policy.policy import default
from services.exporter.formats import ALONE, FORMATS
from services.exporter.manifest import MANIFEST
from services.exporter.workflow import opened
from services.imports import FORMATS as IMPORTED
from services.imports import import_files
from services.settings import Settings
from services.state.client import open_state

from ..conftest import ANSWER, NOW, Cli, capture
from ..imports.contract import sample, written
from .conversations import FOLLOW_UPS, approved, generated
from .test_exporter import adopted, corrected, export, feedback, files, liked
from .test_provenance import tell

CHATS = [json.loads(line)["messages"] for line in FOLLOW_UPS.read_text("utf-8").splitlines()]
BEGUN = {"role": "system", "content": default().export.system}


async def imported(log: Log, approve: int = 4) -> list[ExampleCaptured]:
    """The four turns of the conversations of the office, the first of which are approved."""
    await import_files(log, [FOLLOW_UPS])
    turns: list[Any] = [message.fact() async for batch in log.read(0) for message in batch]
    await log.publish([approved(turn.example_id) for turn in turns[:approve]])
    return turns


def lines(answer: dict[str, Any], name: str) -> list[Any]:
    """The lines of a format, of both sides."""
    home = Path(answer["export_path"]) / "data" / name
    paths = (home / f"{side}.jsonl" for side in ("train", "eval"))
    return [json.loads(line) for path in paths for line in path.read_bytes().split(b"\n")[:-1]]


@pytest.mark.parametrize("format_", IMPORTED, ids=lambda format_: format_.name)
async def test_every_format_is_reviewed_and_exported(log: Log, tmp_path: Path, format_: type[Any]) -> None:
    """Given the sample of a format, when all of it is approved, then its whole answers are exported once each."""
    filters = structs.replace(default().filters, min_prompt_chars=1, min_response_chars=1, min_relevance="low")
    await log.publish([adopted(structs.replace(default(), filters=filters, conversations=UNSET))])
    for _ in range(2):
        await import_files(log, sample(format_))
    facts: list[Any] = [message.fact() async for batch in log.read(0) for message in batch]
    trainable = {
        fact.event_id: fact.response if isinstance(fact, ExampleCaptured) else fact.corrected_response
        for fact in facts
        if isinstance(fact, ExampleCaptured | CorrectionRecorded) and fact.include_in_training
    }
    await log.publish([approved(example_id) for example_id in trainable])
    rows = [row["messages"] for row in lines(await export(log, tmp_path), "messages")]
    assert rows
    assert len({repr(row) for row in rows}) == len(rows)
    assert {row[-1]["content"] for row in rows} <= set(trainable.values())


async def test_one_conversation_in_all_formats_is_one_row(log: Log, tmp_path: Path) -> None:
    question, answer = "How far must TPO membrane side laps overlap?", f"Three inches. {ANSWER}"
    asked, answered = {"role": "user", "content": question}, {"role": "assistant", "content": answer}
    given = [
        {"messages": [asked, answered]},
        {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]},
        {"instruction": question, "output": answer},
        {"prompt": question, "completion": answer},
        {"fields": {"prompt": question, "response": answer}, "responses": {}},
        {"data": {"prompt": question, "response": answer}, "annotations": []},
        {"request": {"contents": question}, "response": {"candidates": [{"content": {"parts": [{"text": answer}]}}]}},
        {"messages": [asked], "response": {"id": "chatcmpl-" + "x" * 24, "choices": [{"message": answered}]}},
    ]
    for n, line in enumerate(given):
        report = await import_files(log, [written(tmp_path / f"{n}.jsonl", [line])])
        assert (report.new, report.existing, report.problems) == (not n, bool(n), [])
    (turn,) = [message.fact() async for batch in log.read(0) for message in batch]
    await log.publish([approved(turn.about)])
    assert len(lines(await export(log, tmp_path), "messages")) == 1


async def test_follow_ups_are_exported_with_their_context(log: Log, tmp_path: Path) -> None:
    await imported(log)
    answer = await export(log, tmp_path)
    wanted = [[BEGUN, *chat[:end]] for chat in CHATS for end in (2, 4)]
    rows = [row["messages"] for row in lines(answer, "messages")]
    assert sorted(rows, key=repr) == sorted(wanted, key=repr)
    assert answer["funnel"]["lost"] == {}
    taught = [[*row["prompt"], *row["completion"]] for row in lines(answer, "prompt_completion")]
    assert sorted(taught, key=repr) == sorted(wanted, key=repr)
    (flat, _) = [row for row in lines(answer, "sft") if row["prompt"].endswith("User: And what about EPDM membrane?")]
    question, first = (message["content"] for message in CHATS[0][:2])
    assert flat["prompt"].startswith((f"User: {question}\n\nAssistant: {first}\n\nUser: ", "User: Which bonding"))


async def test_pairs_and_thumbs_have_their_context_too(log: Log, tmp_path: Path) -> None:
    turns = await imported(log, approve=3)
    second, fourth = turns[1], turns[3]
    better = "EPDM membrane seams need 3 inch wide seam tape on primed sheets. Roll the membrane seam afterwards."
    await log.publish([corrected(second.example_id, second.prompt, second.response, better)])
    await log.publish([feedback(fourth.example_id, "negative")])
    answer = await export(log, tmp_path)
    (pair,) = lines(answer, "dpo")
    assert pair["prompt"] == [BEGUN, *CHATS[0][:3]]
    assert [pair[name][0]["content"] for name in ("chosen", "rejected")] == [better, second.response]
    thumbs = {(row["completion"][0]["content"], row["label"]): row["prompt"] for row in lines(answer, "kto")}
    assert thumbs[better, True] == thumbs[second.response, False] == [BEGUN, *CHATS[0][:3]]
    assert thumbs[fourth.response, False] == [BEGUN, *CHATS[1][:3]]


@pytest.mark.parametrize("count", [pytest.param(1_000, marks=pytest.mark.slow), 60])
async def test_no_conversation_is_on_both_sides(log: Log, tmp_path: Path, count: int) -> None:
    await log.publish(list(generated(count)))
    data = b"".join([message.data async for batch in log.read(0) for message in batch])
    answers = Counter(re.findall(rb"c\d+-\d+: Extend", data))
    assert len(answers) >= count
    assert set(answers.values()) == {1}  # no text is on the log twice
    answer = await export(log, tmp_path)
    async with open_state(Settings(data_dir=tmp_path), log) as state, state.training_set(texts=False) as (head, pages):
        sides = [row async for page in pages for row in page.select(["example_id", "side"]).to_pylist()]
    by_conversation: dict[str, set[str]] = {}
    for row in sides:
        by_conversation.setdefault(row["example_id"].split("-")[0], set()).add(row["side"])
    assert {len(side) for side in by_conversation.values()} == {1}
    assert {side for each in by_conversation.values() for side in each} == {"train", "eval"}
    manifest = json.loads((Path(answer["export_path"]) / MANIFEST).read_bytes())
    assert manifest["straddling"] == head.straddling == answer["after_filtering"] - len(sides) > 0
    assert f"are in no file: {head.straddling} here" in (Path(answer["export_path"]) / "README.md").read_text("utf-8")


async def test_an_older_policy_exports_as_it_always_did(log: Log, tmp_path: Path) -> None:
    await log.publish(list(generated(30)))
    await log.publish([adopted(structs.replace(default(), conversations=UNSET))])
    answer = await export(log, tmp_path)
    home = Path(answer["export_path"])
    assert list(answer["counts"]) == [format_.name for format_ in ALONE]
    assert {path.name for path in (home / "data").iterdir()} == set(answer["counts"])
    assert "straddling" not in json.loads((home / MANIFEST).read_bytes())
    assert {len(row["messages"]) for row in lines(answer, "messages")} == {3}
    assert not any(row["prompt"].startswith("User: ") for row in lines(answer, "sft"))
    (row,) = await tell(log, tmp_path, "data/messages/train.jsonl:1")
    assert "context" not in row
    assert "data/sft/train.jsonl:1" in row["lines"]


async def test_a_log_without_conversations_is_exported_as_before(log: Log, tmp_path: Path) -> None:
    """Given turns that stand alone, then the formats of before have the same bytes under both policies."""
    await liked(log, 30)
    await log.publish(
        [corrected("e1", "How do we flash roof curb 1 with TPO?", f"1: {ANSWER}"), feedback("e2", "negative")]
    )
    now = await export(log, tmp_path)
    await log.publish([adopted(structs.replace(default(), conversations=UNSET))])
    then = await export(log, tmp_path)
    for name in then["counts"]:
        assert files(Path(now["export_path"]) / "data" / name) == files(Path(then["export_path"]) / "data" / name)
    assert (
        now["counts"].keys() - then["counts"].keys()
        == {"prompt_completion"}
        == {format_.name for format_ in FORMATS} - {format_.name for format_ in ALONE}
    )


async def test_a_changed_context_makes_an_export_due(log: Log, tmp_path: Path) -> None:
    turns = await imported(log)
    first = await export(log, tmp_path)
    assert (await export(log, tmp_path))["unchanged"]
    said: Any = {"occurred_at": NOW, "actor": "ana", "prompt": turns[0].prompt, "response": turns[0].response}
    await log.publish([ExampleRedacted(event_id="r", example_id=turns[0].example_id, system="Be brief.", **said)])
    await log.publish([approved(turn.example_id) for turn in turns])
    second = await export(log, tmp_path)
    assert not second["unchanged"]
    assert first["counts"] == second["counts"]
    assert [row for row in lines(second, "messages") if row["messages"][0]["content"] == "Be brief."]


async def test_an_older_export_differs_where_turns_have_context(log: Log, tmp_path: Path) -> None:
    """Given an export without contexts, when they are exported, then rows that stand alone have not changed."""
    await liked(log, 20)
    follow_up = capture("How wide is the seam of a TPO roof membrane?", f"f {ANSWER}", example_id="f", follows="e7")
    await log.publish([follow_up, feedback("f"), adopted(structs.replace(default(), conversations=UNSET))])
    await export(log, tmp_path)
    settings = Settings(data_dir=tmp_path)
    async with open_state(settings, log) as state, opened(settings, log, state, "tester") as steps:
        then = await steps.look()
        await log.publish([adopted(default())])
        now = await steps.look()
    assert (then.rows, then.is_same) == (0, True)
    assert (now.rows, now.is_same) == (1, False)


async def test_lineage_names_the_facts_of_the_context(log: Log, cli: Cli, tmp_path: Path) -> None:
    await log.publish([capture(example_id="a", conversation="t"), feedback("a")])
    await log.publish([corrected("a", "How high must base flashing be?", ANSWER)])
    await log.publish([capture("And at the TPO roof curb?", f"b {ANSWER}", example_id="b", follows="a"), feedback("b")])
    digest = (await export(log, tmp_path))["export_digest"]
    (told,) = await tell(log, tmp_path, digest)
    assert {row["example_id"]: row["context"] for row in told["rows"]} == {"fix-a": [], "b": [1, 3]}
    assert cli.run("lineage", digest).stdout.count("behind the turns before it: 1, 3") == 1

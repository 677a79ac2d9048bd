"""What a source says otherwise of a known example is said as a fact, once, and undoes nothing that a person said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from events.facts import ExampleDescribed
from events.log.log import Log
from services.curation import descriptions
from services.imports.importer import import_files
from services.imports.preview import Preview
from services.imports.report import Report

FIRST: dict[str, Any] = {
    "id": "train_1", "timestamp": "2025-03-18T14:00:00", "source": "chat_interaction", "prompt": "Which slope?",
    "response": "1/4 in per foot.", "tags": ["TPO"],
}  # fmt: skip


async def imported(log: Log, folder: Path, *examples: dict[str, Any], preview: Preview | None = None) -> Report:
    file = folder / "examples.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(example) + b"\n" for example in examples))
    return await import_files(log, [file], preview=preview)


async def said(log: Log) -> list[ExampleDescribed]:
    facts = [message.fact() for message in await log.history("train_1")]
    return [fact for fact in facts if isinstance(fact, ExampleDescribed)]


async def test_a_change_of_a_known_example_is_one_fact(log: Log, tmp_path: Path) -> None:
    await imported(log, tmp_path, FIRST)
    later = FIRST | {"include_in_training": False, "tags": ["tpo ", "epdm"], "project_context": "school"}
    report = await imported(log, tmp_path, FIRST, later)
    assert (report.new, report.existing, report.changed, report.problems) == (0, 1, 1, [])
    (fact,) = await said(log)
    assert (fact.added_tags, fact.removed_tags, fact.project_context) == (("epdm",), (), "school")
    assert fact.include_in_training is False
    assert fact.actor == "import"


async def test_the_same_statement_is_said_once(log: Log, tmp_path: Path) -> None:
    later = FIRST | {"include_in_training": False}
    for examples in ([FIRST], [later], [later, FIRST], [FIRST, later]):
        await imported(log, tmp_path, *examples)
    report = await imported(log, tmp_path, FIRST, later)
    assert (report.existing, report.changed, len(await said(log))) == (2, 0, 1)


async def test_a_statement_is_compared_with_the_one_before(log: Log, tmp_path: Path) -> None:
    for tags in (["tpo"], ["tpo", "epdm"], ["pvc"]):
        await imported(log, tmp_path, FIRST | {"tags": tags})
    assert [(fact.added_tags, fact.removed_tags) for fact in await said(log)] == [
        (("epdm",), ()),
        (("pvc",), ("epdm", "tpo")),
    ]


async def test_what_a_person_said_is_not_undone(log: Log, tmp_path: Path) -> None:
    await imported(log, tmp_path, FIRST)
    reviewed = descriptions.description("train_1", actor="ann", added=["seam"], removed=["tpo"], include=False)
    await log.decide(reviewed, revision=await log.revision("train_1"))
    await imported(log, tmp_path, FIRST)
    await imported(log, tmp_path, FIRST | {"project_context": "school"})
    assert [(fact.actor, fact.added_tags, fact.include_in_training) for fact in await said(log)] == [
        ("ann", ("seam",), False),
        ("import", (), None),
    ]


async def test_what_no_fact_can_change_is_a_problem(log: Log, tmp_path: Path) -> None:
    await imported(log, tmp_path, FIRST)
    changed: list[dict[str, Any]] = [
        {"response": "2."},
        {"document_type": "rfi"},
        {"quality": {"was_corrected": True}},
    ]
    report = await imported(log, tmp_path, *(FIRST | change for change in changed))
    assert (report.existing, report.changed, await said(log)) == (0, 3, [])
    reasons = ("another text", "document None where this has", "was_corrected False where this has True")
    assert all(reason in problem.reason for reason, problem in zip(reasons, report.problems, strict=True))


async def test_changed_feedback_is_feedback(log: Log, tmp_path: Path) -> None:
    for feedback in ("positive", "negative", "negative"):
        report = await imported(log, tmp_path, FIRST | {"quality": {"user_feedback": feedback}})
    assert (report.new, report.problems) == (0, [])
    verbs = [message.parts.kind for message in await log.history("train_1")]
    assert verbs == ["example.captured", "feedback.given", "feedback.given"]


async def test_a_preview_says_nothing_of_what_changed(log: Log, tmp_path: Path) -> None:
    await imported(log, tmp_path, FIRST)
    report = await imported(log, tmp_path, FIRST | {"tags": []}, preview=Preview())
    assert (report.changed, await said(log)) == (1, [])


async def test_a_blank_tag_of_a_source_is_none(log: Log, tmp_path: Path) -> None:
    report = await imported(log, tmp_path, FIRST | {"tags": ["", " ", "TPO", "tpo"]})
    assert report.problems == []
    message = await log.at(1)
    assert message is not None
    assert msgspec.json.decode(message.data)["tags"] == ["tpo"]


async def test_the_same_words_in_other_white_space_are_known(log: Log, tmp_path: Path) -> None:
    await imported(log, tmp_path, FIRST)
    report = await imported(log, tmp_path, FIRST | {"response": f" {FIRST['response']}\r\n"})
    assert (report.existing, report.changed, report.problems) == (1, 0, [])

"""Records of Argilla: the file was made with its own library; version 1 is copied in shape from its documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.facts import CorrectionRecorded, ExampleCaptured, FeedbackGiven
from events.log.log import Log
from services.imports import import_files

from .contract import told, written

EXAMPLE = Path(__file__).parent / "argilla.jsonl"
FIELDS = {"prompt": "Which slope?", "response": "1/4 in per foot is the least."}


async def test_what_people_submitted_comes_along(log: Log) -> None:
    report = await import_files(log, [EXAMPLE])
    assert (report.problems, report.ignored, report.broken) == ([], 1, 2)
    facts = await told(log)
    examples = {fact.prompt: fact for fact in facts if isinstance(fact, ExampleCaptured)}
    thumbs = [fact for fact in facts if isinstance(fact, FeedbackGiven)]
    corrections = [fact for fact in facts if isinstance(fact, CorrectionRecorded)]
    flashing, cleats = (examples[f"How {words}"] for words in (
        "high must base flashing rise above the roof?", "far apart do cleats of a coping stand?",
    ))  # fmt: skip
    for example, comment, words in (
        (flashing, "Below the code's minimum.", "At least 8 inches"),
        (cleats, "No spacing is allowed.", "A continuous"),
    ):
        (down,) = [fact for fact in thumbs if fact.example_id == example.example_id]
        assert (down.feedback, down.comment, down.actor[-1]) == ("negative", comment, "b")
        (corrected,) = [fact for fact in corrections if fact.example_id == example.example_id]
        assert corrected.corrected_response.startswith(words)
        assert not corrected.untrusted
    assert flashing.example_id == "roof-record-0000000001"
    assert flashing.details["chat"]["metadata"] == {"source": "yard"}
    cricket = examples["Does a cricket need its own slope?"].example_id
    assert [fact.feedback for fact in thumbs if fact.example_id == cricket] == ["positive"]  # and no draft
    assert not examples["Do you like roofs?"].include_in_training
    slope = examples["Name the minimum slope of a built-up roof.\n\nAsphalt, in Ohio"].example_id
    assert [fact.feedback for fact in thumbs if fact.example_id == slope] == ["positive"]


async def test_a_suggestion_is_nobodys_feedback(log: Log, tmp_path: Path) -> None:
    nested = {"fields": FIELDS, "suggestions": {"quality": {"value": 5, "agent": "judge"}}, "responses": {}}
    row = FIELDS | {"status": "pending", "quality.suggestion": 5, "corrected.suggestion": "2 in."}
    old: dict[str, Any] = FIELDS | {"external_id": None, "quality": [], "quality-suggestion": 5}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [nested, row, old])])
    assert (report.new, report.existing, report.problems) == (1, 2, [])


@pytest.mark.parametrize(
    ("question", "value", "said"),
    [
        ("quality", "5", ["positive"]), ("quality", "1", ["negative"]), ("quality", 1, ["negative"]),
        ("is_correct", True, ["positive"]), ("is_incorrect", True, []), ("incorrectness", "yes", []),
        ("dislike", "yes", []), ("toxicity_score", 5, []), ("hallucination_rating", 5, []),
        ("generated_by_ai", "yes", []), ("corrected_answer", "No", []),
    ],
)  # fmt: skip
async def test_only_verdicts_on_the_answer_are_thumbs(
    log: Log, tmp_path: Path, question: str, value: Any, said: list[str]
) -> None:
    line = {"fields": FIELDS, "responses": {question: [{"value": value, "user_id": "u"}]}}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [fact.feedback for fact in await told(log) if isinstance(fact, FeedbackGiven)] == said
    assert report.broken == (not said)


@pytest.mark.parametrize("status", ["submitted", "discarded"])
async def test_turns_and_verdicts_of_a_row_are_one_record(log: Log, tmp_path: Path, status: str) -> None:
    turns = [{"from": "human", "value": "Which slope?"}, {"from": "gpt", "value": "1/4 in per foot."}]
    said = {"quality.responses": ["bad"], "quality.responses.users": ["u"], "quality.responses.status": [status]}
    await import_files(log, [written(tmp_path / "x.jsonl", [{"conversations": turns} | said])])
    example, *thumbs = await told(log)
    assert isinstance(example, ExampleCaptured)
    assert (example.prompt, example.response) == ("Which slope?", "1/4 in per foot.")
    assert example.include_in_training is (status == "submitted")
    assert [fact.feedback for fact in thumbs if isinstance(fact, FeedbackGiven)] == ["negative"] * (
        status == "submitted"
    )


async def test_opinions_on_a_pair_are_counted(log: Log, tmp_path: Path) -> None:
    pair = {"prompt": "Which slope?", "chosen": "1/4 in per foot.", "rejected": "None."}
    line = {"fields": pair, "responses": {"quality": [{"value": "good", "user_id": "u"}]}}
    report = await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    example, correction = await told(log)
    assert isinstance(correction, CorrectionRecorded)
    assert (correction.corrected_response, correction.example_id) == (pair["chosen"], example.about)
    assert (report.broken, report.problems) == (1, [])


async def test_a_discarded_record_excludes_every_turn(log: Log, tmp_path: Path) -> None:
    chat = [{"role": role, "content": f"{role} {n}"} for n in range(2) for role in ("user", "assistant")]
    discarded = {"quality": [{"value": "bad", "user_id": "u", "status": "discarded"}]}
    await import_files(log, [written(tmp_path / "x.jsonl", [{"fields": {"chat": chat}, "responses": discarded}])])
    facts = [fact for fact in await told(log) if isinstance(fact, ExampleCaptured)]
    assert [fact.include_in_training for fact in facts] == [False, False]


async def test_responses_of_a_pending_record_are_drafts(log: Log, tmp_path: Path) -> None:
    line = {"fields": FIELDS, "status": "pending", "responses": {"quality": [{"value": 5, "user_id": "u"}]}}
    await import_files(log, [written(tmp_path / "x.jsonl", [line])])
    assert [type(fact) for fact in await told(log)] == [ExampleCaptured]


async def test_an_annotated_example_is_the_one_that_was_exported(log: Log, tmp_path: Path) -> None:
    """Given an example, when its record comes back from Argilla, then what people said is about that example."""
    await import_files(
        log, [written(tmp_path / "a.jsonl", [{"prompt": FIELDS["prompt"], "response": FIELDS["response"]}])]
    )
    (example,) = await told(log)
    line = {"fields": FIELDS, "_server_id": "s" * 36, "responses": {"quality": [{"value": 5, "user_id": "u"}]}}
    report = await import_files(log, [written(tmp_path / "b.jsonl", [line])])
    assert (report.new, report.existing) == (1, 1)
    assert (await told(log))[1].about == example.about


@pytest.mark.parametrize("responses", [[3], {"quality": [3]}, {"quality": 3}, [{"values": 3}], [{"values": {"q": 3}}]])
async def test_broken_responses_refuse_their_record(log: Log, tmp_path: Path, responses: Any) -> None:
    report = await import_files(log, [written(tmp_path / "x.jsonl", [{"fields": FIELDS, "responses": responses}])])
    assert (report.new, len(report.problems)) == (0, 1)

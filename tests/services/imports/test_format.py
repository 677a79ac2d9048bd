"""What people brought, and what became of it: one file for each kind of report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.log.log import Log
from services.imports import import_files

from .contract import told

HOME = Path(__file__).parent / "reports"
ANSWER = "Overlap the TPO membrane side laps at least 3 inches and hot-air weld a seam of 1.5 inches; probe every seam."


async def imported(log: Log, name: str) -> tuple[list[Any], dict[str, int]]:
    """The facts of a file, and what its report counts beside them; a second import adds nothing."""
    report = await import_files(log, [HOME / name])
    facts = await told(log)
    again = await import_files(log, [HOME / name])
    assert (again.new, again.existing, again.problems) == (0, report.new + report.existing, report.problems)
    counts = {"ignored": report.ignored, "choices": report.choices, "broken": report.broken}
    return facts, {name: count for name, count in counts.items() if count} | {
        f"line {problem.line}": 1 for problem in report.problems
    }


async def test_an_answer_of_weight_zero_is_excluded(log: Log) -> None:
    (wrong, right), counts = await imported(log, "06_weight_zero.jsonl")
    assert (wrong.include_in_training, right.include_in_training, counts) == (False, True, {})


@pytest.mark.parametrize(
    ("name", "reason"), [("07_preamble_chat.jsonl", "tool_calls"), ("08_cut_off_span.jsonl", "length")]
)
async def test_an_answer_says_why_it_ended(log: Log, name: str, reason: str) -> None:
    (fact,), _ = await imported(log, name)
    assert fact.finish_reason == reason


async def test_structured_text_is_json_and_null_no_answer(log: Log) -> None:
    (fact,), counts = await imported(log, "09_structured_text.jsonl")
    assert (fact.response, counts) == ('{"answer":"Lap TPO three inches and weld it.","sure":true}', {"ignored": 1})


async def test_a_correction_without_texts_is_a_problem(log: Log) -> None:
    (fine, feedback), counts = await imported(log, "10_correction_not_text.jsonl")
    assert (fine.example_id, feedback.feedback, counts) == ("fine1", "positive", {"line 2": 1})


async def test_a_later_exclusion_is_said_as_a_fact(log: Log) -> None:
    await imported(log, "11_excluded_first.jsonl")
    report = await import_files(log, [HOME / "11_excluded_later.jsonl"])
    assert (report.new, report.existing, report.changed, report.problems) == (0, 1, 1, [])


async def test_one_conversation_has_one_example_in_any_spelling(log: Log) -> None:
    await imported(log, "16_same_1.jsonl")
    facts, _ = await imported(log, "16_same_2.jsonl")
    assert len(facts) == 1


async def test_a_broken_number_is_left_out_and_counted(log: Log) -> None:
    facts, counts = await imported(log, "18_span_metadata.jsonl")
    assert counts == {"broken": 1}
    assert [fact.metadata.latency_ms for fact in facts] == [None, None, 1000.0, 1000.0, 1000.0, 1000.0, None]
    assert [fact.metadata.tokens_in for fact in facts] == [None, None, 31, 31, None, None, None]


@pytest.mark.parametrize(
    ("name", "prompts", "counts"),
    [
        ("17_bom.jsonl", ["How far must", "How wide is "], {}),
        ("21_greets_first.jsonl", ["How far must"], {"ignored": 1}),
        ("21_tool_without_content.jsonl", ["How far must"], {"ignored": 1}),
        ("22_text_in_object.jsonl", ["How far must", "How wide is "], {}),
        ("15_other_conventions.jsonl", ["How far must"] * 3, {}),
        ("23_pretty.json", ["How far must", "How wide is "], {}),
        ("25_think.jsonl", ["How far must"], {}),
        ("27_two_choices.jsonl", ["How far must"], {"choices": 1}),
    ],
)
async def test_every_answer_with_a_question_is_imported(
    log: Log, name: str, prompts: list[str], counts: dict[str, int]
) -> None:
    facts, counted = await imported(log, name)
    assert [(fact.prompt[:12], fact.response) for fact in facts] == [(prompt, ANSWER) for prompt in prompts]
    assert counted == counts


async def test_what_was_thought_stays_in_the_details(log: Log) -> None:
    (fact,), _ = await imported(log, "25_think.jsonl")
    assert fact.details == {"chat": {"thinking": "Maybe 2 inches? No, 3."}}

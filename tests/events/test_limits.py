"""Limits: what is too large is refused where it is said, and read where it lies on the log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from events import calls
from events.codec import decode, encode
from events.errors import InvalidFact
from events.facts import FACTS, Attachment, ExampleCaptured, Fact, FeedbackGiven, PolicyAdopted, ToolTurn
from events.limits import CONTAINERS, DEEPEST, LIMITS, PIECE, check_json, depth
from events.traits import bounds
from projections.policy.policy import default
from tests.deadlines import assert_linear

from .samples import BARE

TEXT, COMMENT, NAME, TAG, TAGS = (LIMITS[bound].most for bound in ("text", "comment", "name", "tag", "tags"))


def captured(**changed: Any) -> ExampleCaptured:
    fields = {"prompt": "p", "response": "r", "actor": "a"} | changed
    return calls.capture(**fields)


WHOLE: list[Fact] = [
    captured(prompt="p" * TEXT, response="\u00e9" * (TEXT // 2)),
    captured(tags=[f"{n:0{TAG}}" for n in range(TAGS)], project="p" * NAME, skill_used="\u00e9" * NAME),
    captured(details={"said": "d" * (TEXT - len('{"said":""}'))}),
    captured(details={"lists": [[]] * (CONTAINERS - 2)}),
    calls.feedback("a", "positive", actor="a", comment="c" * COMMENT),
    calls.correction("p" * TEXT, "r" * TEXT, "s" * TEXT, actor="a", reason="c" * COMMENT, corrector="c" * NAME),
    PolicyAdopted(**BARE, policy=default().document(), digest=default().digest),
]
"""Facts as large as can be said, each in another part, and the shipped policy."""


@pytest.mark.parametrize("fact", WHOLE, ids=lambda fact: type(fact).__name__)
def test_a_fact_within_the_limits_is_said(fact: Fact) -> None:
    data = encode(fact)
    assert encode(decode(data)) == data


LARGE: list[tuple[Fact, str]] = [
    (captured(prompt="p" * (TEXT + 1)), "prompt has 1,048,577 bytes, at most 1,048,576 are taken; shorten it"),
    (captured(response="\u00e9" * (TEXT // 2 + 1)), "response has 1,048,578 bytes"),
    (captured(tags=[str(n) for n in range(TAGS + 1)]), "tags has 101 items, at most 100"),
    (captured(tags=["t" * (TAG + 1)]), "tags has 81 characters, at most 80"),
    (captured(project="p" * (NAME + 1)), "project_context has 201 characters, at most 200"),
    (captured(skill_used="s" * (NAME + 1)), "metadata.skill_used has 201 characters"),
    (captured(tools=[ToolTurn(name="t")] * (TAGS + 1)), "tools has 101 items, at most 100"),
    (captured(tools=[ToolTurn(name="t", result="r" * (TEXT + 1))]), "tools.result has 1,048,577 bytes"),
    (captured(attachments=[Attachment(kind="image")] * (TAGS + 1)), "attachments has 101 items, at most 100"),
    (captured(attachments=[Attachment(kind="image", address="a" * 4097)]), "attachments.address has 4,097 characters"),
    (captured(system="s" * (TEXT + 1)), "system has 1,048,577 bytes"),
    (captured(model="m" * (NAME + 1)), "model has 201 characters"),
    (captured(trace_id="t" * 4097), "trace_id has 4,097 characters, at most 4,096"),
    (captured(details={"d": "d" * TEXT}), "details has 1,048,584 bytes, at most 1,048,576"),
    (captured(details={"lists": [[]] * CONTAINERS}), "details has 20,002 lists and objects, at most 20,000"),
    (calls.feedback("a", "positive", actor="a", comment="c" * (COMMENT + 1)), "comment has 65,537 bytes"),
    (calls.correction("p", "r", "s", actor="a", reason="c" * (COMMENT + 1)), "reason has 65,537 bytes"),
    (calls.correction("p", "r" * (TEXT + 1), "s", actor="a"), "original_response has 1,048,577 bytes"),
]


@pytest.mark.parametrize(("fact", "reason"), LARGE, ids=lambda value: value[:20] if isinstance(value, str) else "")
def test_a_larger_fact_is_refused_with_field_size_and_limit(fact: Fact, reason: str) -> None:
    with pytest.raises(InvalidFact, match="at most") as refused:
        encode(fact)
    assert refused.value.reason.startswith(reason)


@pytest.mark.parametrize(("fact", "reason"), LARGE, ids=lambda value: value[:20] if isinstance(value, str) else "")
def test_a_larger_fact_on_the_log_is_read(fact: Fact, reason: str) -> None:
    assert decode(msgspec.json.encode(fact))


def test_every_bound_is_declared_by_a_fact() -> None:
    declared = {bound for kind in FACTS for _, bound in bounds(kind)}
    assert declared | {"details"} == set(LIMITS)
    assert (("tags", "*"), "tag") in bounds(ExampleCaptured)
    assert (("comment",), "comment") in bounds(FeedbackGiven)


def test_details_nested_without_end_are_refused() -> None:
    nested: dict[str, Any] = {}
    nested["again"] = nested
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for details in (nested, {"deep": deep}):
        with pytest.raises(InvalidFact, match="nested more than 64 levels deep"):
            encode(captured(details=details))


@pytest.mark.parametrize("data", [b"[" * (DEEPEST + 1), b'{"a":' * (DEEPEST + 1), b"[" * 100_000 + b"]" * 100_000])
def test_json_that_nests_too_deep_is_refused_undecoded(data: bytes) -> None:
    with pytest.raises(InvalidFact, match="nested more than 64 levels deep"):
        check_json(data)


def test_json_of_too_many_lists_is_refused_undecoded() -> None:
    with pytest.raises(InvalidFact, match="the body has 30,001 lists and objects, at most 20,000"):
        check_json(b"[" + b"[]," * 30_000 + b"1]", what="the body")
    check_json(b'"' + b"[{" * 30_000 + b'"')
    check_json(b'{"a":"' + b'\\"[' * 30_000 + b'"}')
    check_json(b"[" + b"[]," * 30_000 + b"1]", containers=40_000)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0), (b"1", 0), (b"[]", 1), (b"]][[", 0), (b'[{"a":[]},"[["]', 3), (b'"\\"[', 0), (b"[[", 2), (b'["a', 1)],
)
def test_depth_counts_brackets_outside_of_strings(data: bytes, expected: int) -> None:
    assert depth(data) == expected


@pytest.mark.parametrize("before", range(-3, 3))
def test_a_string_across_pieces_hides_its_brackets(before: int) -> None:
    text = b'"' + b"[" * (PIECE + before) + b'\\"[\\\\"'
    for start in (b"[", b"[" + b"1," * (PIECE // 2), b'["' + b"a" * (PIECE + before) + b'",'):
        assert depth(start + text + b",[[" + text + b"]]]") == 3


@pytest.mark.parametrize("unit", [b"[", b"[]", b'["', b'"', b'"\\', b'{"a":1},', b"\\"])
def test_depth_takes_time_that_grows_with_the_size(unit: bytes) -> None:
    assert_linear(lambda size: depth(unit * size), 20_000)

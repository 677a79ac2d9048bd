"""Facts and their bytes: what was ever published still decodes, and what is no fact is refused with the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import codec
from events.codec import decode, encode
from events.errors import InvalidFact
from events.facts import (
    FACTS,
    Attachment,
    ExampleCaptured,
    Fact,
    FeedbackGiven,
    Metadata,
)
from events.subjects import subject_of

from .samples import BARE, SAID, facts, plain, said, texts

GOLDEN = [line.split(" ", 1) for line in Path(__file__).with_name("golden.txt").read_text("utf-8").split("\n") if line]
"""Subject and exact bytes of every tag ever published, once in full and once with defaults: lines are never edited."""


def captured(**fields: Any) -> bytes:
    """The bytes of a capture in which some fields were replaced by hand."""
    plain = {"type": "example.captured.v1", "event_id": "e1", "occurred_at": "2025-01-15T14:30:00Z", "actor": "ana"}
    plain |= {"example_id": "a", "prompt": "p", "response": "r", "source": "chat"}
    return json.dumps(plain | fields).encode()


def without(field: str) -> bytes:
    plain = json.loads(captured())
    del plain[field]
    return json.dumps(plain).encode()


def refusal(data: bytes, subject: str | None = None) -> InvalidFact:
    with pytest.raises(InvalidFact) as caught:
        decode(data, subject)
    return caught.value


def subclasses(kind: type[Fact]) -> set[type[Fact]]:
    """Everything that derives from a kind of fact, at any depth."""
    return {found for below in kind.__subclasses__() for found in (below, *subclasses(below))}


def test_every_fact_with_a_tag_is_in_the_union() -> None:
    tagged = {kind for kind in subclasses(Fact) if _has_a_tag(kind) and not kind.__module__.startswith("tests.")}
    left_out = {kind.__name__ for kind in tagged - set(FACTS)}
    assert left_out == set(), "add its name to AnyFact in events/facts.py: else nobody can say or read it"
    assert tagged == set(FACTS)


def _has_a_tag(kind: type[Fact]) -> bool:
    return kind.__struct_config__.tag != kind.__name__  # which msgspec gives to what only others derive from


def test_every_kind_of_fact_has_golden_bytes() -> None:
    unsaid = {kind.__name__ for kind in FACTS} - {type(fact).__name__ for fact in SAID}
    assert unsaid == set(), "say it in full and with defaults in SAID, and add both lines to golden.txt"
    assert [subject_of(fact) for fact in SAID] == [subject for subject, _ in GOLDEN], "golden.txt has a line for each"


@pytest.mark.parametrize(("fact", "golden"), list(zip(SAID, GOLDEN, strict=True)), ids=lambda x: type(x).__name__)
class TestGoldenBytes:
    def test_a_fact_encodes_to_its_golden_bytes_and_subject(self, fact: Fact, golden: list[str]) -> None:
        assert [subject_of(fact), encode(fact).decode()] == golden

    def test_golden_bytes_still_decode_to_the_fact(self, fact: Fact, golden: list[str]) -> None:
        subject, data = golden
        assert decode(data.encode(), subject) == fact


def test_every_tag_has_full_and_bare_golden_bytes() -> None:
    for kind in FACTS:
        full, bare, *later = (fact for fact in SAID if type(fact) is kind)
        optional = [field for field in msgspec.structs.fields(kind) if not field.required]
        for field in optional:
            assert any(getattr(fact, field.name) != _default(field) for fact in (full, *later))
        assert all(getattr(bare, field.name) == _default(field) for field in optional)


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def test_equal_facts_give_equal_bytes() -> None:
    noon = datetime(2025, 1, 15, 12, tzinfo=UTC)
    one = ExampleCaptured(**BARE | {"occurred_at": noon}, example_id="a", prompt="p", response="r", source="s",
                          details={"x": 1, "y": 2})  # fmt: skip
    other = msgspec.structs.replace(
        one, occurred_at=noon.astimezone(timezone(timedelta(hours=9))), details={"y": 2, "x": 1}
    )
    assert encode(one) == encode(other)


def test_fields_of_a_newer_version_are_tolerated() -> None:
    assert decode(captured(mood="good", metadata={"gpu": "A10"})) == decode(captured())


def test_an_unknown_tag_is_refused_as_unknown() -> None:
    error = refusal(captured(type="example.captured.v9"))
    assert (error.category, "example.captured.v9" in error.reason) == ("unknown_type", True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        captured()[:-1],
        captured() + b"x",
        b"null",
        b'"example.captured.v1"',
        b"[" + captured() + b"]",
        b"{}",
        without("type"),
        captured(type=None),
        captured(type=1),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        captured().replace(b'"chat"', b'"chat", "details": ' + b"[" * 100_000),
        b"\xff\xfe" + captured(),
        captured().decode().encode("utf-16"),
        captured(prompt="\ud800"),
        captured(details={"\udfff": 1}),
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_bytes_without_a_typed_json_object_are_refused_as_malformed(data: bytes) -> None:
    assert refusal(data).category == "malformed"


def test_a_field_in_another_encoding_is_refused_as_invalid() -> None:
    assert refusal(captured(prompt="@@").replace(b"@@", b"\xff\xfe")).category == "invalid"


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (without("prompt"), "prompt"),
        (without("event_id"), "event_id"),
        (captured(prompt=None), "prompt"),
        (captured(response=7), "response"),
        (captured(tags="tpo"), "tags"),
        (captured(tags=[1]), "tags"),
        (captured(details=[]), "details"),
        (captured(include_in_training="yes"), "include_in_training"),
        (captured(actor=""), "actor"),
        (captured(actor="x" * 201), "actor"),
        (captured(source=""), "source"),
        (captured(conversation=""), "conversation"),
        (captured(conversation="x" * 201), "conversation"),
        (captured(follows="a.b"), "follows"),
        (captured(tools=[{"arguments": "{}"}]), "tools"),
        (captured(tools=[{"name": "find", "arguments": {}}]), "arguments"),
        (captured(attachments=[{"kind": "image", "digest": "1"}]), "digest"),
        (captured(type="example.redacted.v1", found=[{"kind": "k", "field": "a b", "start": 0, "end": 1}]), "field"),
        (captured(metadata={"latency_ms": -1}), "latency_ms"),
        (captured(metadata={"tokens_in": 1.5}), "tokens_in"),
        (captured(metadata={"tokens_in": -1}), "tokens_in"),
        (captured(metadata={"tokens_in": 2**53 + 1}), "tokens_in"),
        (captured(metadata={"latency_ms": 7}).replace(b"7}", b"1e999}"), "latency_ms"),
        (captured(document={"document_type": "rfi", "modifications_made": "some"}), "modifications_made"),
        (captured(type="feedback.given.v1", feedback="meh"), "feedback"),
        (captured(type="policy.adopted.v1", policy={}, digest="A" * 64), "digest"),
        (captured(type="example.approved.v1"), "revision"),
        (captured(type="example.approved.v1", revision=True), "revision"),
        (captured(occurred_at="yesterday"), "occurred_at"),
        (captured(occurred_at=1736951400), "occurred_at"),
    ],
)  # fmt: skip
def test_a_missing_or_wrong_field_is_refused_by_name(data: bytes, names: str) -> None:
    error = refusal(data)
    assert error.category == "invalid"
    assert names in error.reason


def test_a_time_without_a_time_zone_is_refused() -> None:
    error = refusal(captured(occurred_at="2025-01-15T14:30:00"))
    assert (error.category, "timezone" in error.reason) == ("invalid", True)


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+23:59",
        "1969-07-20T20:17:00Z",
        "1970-01-01T23:59:59Z",
        "9999-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_a_moment_that_not_every_calendar_knows_is_refused(moment: str) -> None:
    error = refusal(captured(occurred_at=moment))
    assert (error.category, "plausible" in error.reason) == ("invalid", True)


@pytest.mark.parametrize(
    "subject",
    [
        "training.example.captured.a.e2",
        "training.example.captured.b.e1",
        "training.feedback.given.a.e1",
        "training",
        "",
    ],
)
def test_a_fact_under_the_wrong_subject_is_refused(subject: str) -> None:
    error = refusal(captured(), subject)
    assert error.category == "wrong_subject"
    assert "training.example.captured.a.e1" in error.reason


NO_TOKENS = ["", "a.b", "a b", "*", ">", "a\n", "ä", "a/b", "\u0000", "x" * 129]


@pytest.mark.parametrize("bad", NO_TOKENS)
@pytest.mark.parametrize("field", ["event_id", "example_id"])
def test_an_id_that_is_no_token_is_refused_both_ways(field: str, bad: str) -> None:
    assert refusal(captured(**{field: bad})).category == "invalid"
    fact = msgspec.structs.replace(decode(captured()), **{field: bad})
    with pytest.raises(InvalidFact, match=field):
        encode(fact)


@pytest.mark.parametrize(
    "broken",
    [
        {"actor": ""},
        {"actor": None},
        {"prompt": 5},
        {"prompt": "\ud800"},
        {"tags": (1,)},
        {"details": {"x": NotImplemented}},
        {"details": {1: 2}},
        {"attachments": (Attachment(kind="image", address="DATA:image/png;base64,AAAA"),)},
        {"metadata": Metadata(tokens_in=-1)},
        {"occurred_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=3)))},
        {"occurred_at": datetime(9999, 12, 31, tzinfo=UTC)},
        pytest.param(
            {"occurred_at": datetime(2025, 1, 15)},
        ),
        pytest.param(
            {"occurred_at": "2025-01-15T14:30:00Z"},
        ),
        pytest.param(
            {"metadata": Metadata(latency_ms=float("nan"))},
        ),
    ],
    ids=repr,
)  # fmt: skip
def test_an_invalid_fact_is_refused_when_it_is_encoded(broken: dict[str, Any]) -> None:
    fact = msgspec.structs.replace(decode(captured()), **broken)
    with pytest.raises(InvalidFact):
        encode(fact)


class TestUpcasters:
    OLD = captured(type="feedback.given.v0", thumb="up")

    def test_an_old_version_is_upcast_step_by_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(
            codec.UPCASTERS, "feedback.given.v0", lambda raw: raw | {"type": "feedback.given.v0b", "up": raw["thumb"]}
        )
        monkeypatch.setitem(
            codec.UPCASTERS,
            "feedback.given.v0b",
            lambda raw: (
                raw | {"type": "feedback.given.v1", "feedback": "positive" if raw["up"] == "up" else "negative"}
            ),
        )
        fact = decode(self.OLD, "training.feedback.given.a.e1")
        assert fact == FeedbackGiven(**BARE | {"event_id": "e1"}, example_id="a", feedback="positive")

    def test_an_old_version_that_lacks_a_new_field_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(codec.UPCASTERS, "feedback.given.v0", lambda raw: raw | {"type": "feedback.given.v1"})
        error = refusal(self.OLD)
        assert (error.category, "feedback.given.v0" in error.reason) == ("invalid", True)

    def test_an_old_version_that_its_upcaster_cannot_read_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(
            codec.UPCASTERS, "feedback.given.v0", lambda raw: raw | {"type": "feedback.given.v1", "feedback": raw["no"]}
        )
        assert refusal(self.OLD).category == "invalid"


def test_how_deep_a_fact_nests_never_depends_on_its_reader() -> None:
    nested = captured(details={"x": 0}).replace(b"0}", b"[" * 700 + b"]" * 700 + b"}")

    def outcome(frames: int) -> str:
        if frames:
            return outcome(frames - 1)
        try:
            return type(decode(nested)).__name__
        except InvalidFact as error:
            return error.category

    assert outcome(0) == outcome(400)


def test_the_cost_of_a_damaged_fact_grows_with_its_length() -> None:
    """A text that is eight times as long may cost eight times as much, not its square."""

    def cost(times: int) -> float:
        damaged = b'{"type":"x' + b'\\"[' * times
        began = process_time()
        assert refusal(damaged).category == "malformed"
        return process_time() - began

    short, long = (min(cost(times) for _ in range(5)) for times in (20_000, 160_000))
    assert long < 32 * short


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(
            {"metadata": Metadata(latency_ms=180)},
        ),
        pytest.param(
            {"tags": []},
        ),
        {"tags": ["tpo"]},
        {"details": {"drawn": (1, 2)}},
    ],
    ids=repr,
)
def test_a_fact_accepts_the_plain_values_of_callers(fields: dict[str, Any]) -> None:
    decode(encode(msgspec.structs.replace(decode(captured()), **fields)), "training.example.captured.a.e1")


def test_the_properties_below_are_about_every_kind_of_fact() -> None:
    unsaid = {kind.__name__ for kind in FACTS} ^ {kind.__name__ for kind in said}
    assert unsaid == set(), "give each kind of fact a strategy for its fields in `said`, and no other kind"


@given(facts)
def test_every_fact_comes_back_from_its_bytes_and_subject(fact: Fact) -> None:
    data = encode(fact)
    again = decode(data, subject_of(fact))
    assert again == fact
    assert encode(again) == data


damaged = st.tuples(facts.map(encode), st.integers(0), st.integers(0, 9), st.binary(max_size=9)).map(
    lambda x: x[0][: (at := x[1] % len(x[0]))] + x[3] + x[0][at + x[2] :]
)
rewritten = st.dictionaries(st.sampled_from(sorted(json.loads(captured()))), plain, max_size=2).map(
    lambda fields: captured(**fields)
)


@given(st.binary() | damaged | rewritten, st.none() | texts)
def test_any_bytes_decode_or_are_refused(data: bytes, subject: str | None) -> None:
    try:
        fact = decode(data, subject)
    except InvalidFact:
        return
    assert decode(encode(fact)) == fact

"""OpenInference: numbered messages with contents in parts, or the whole input and output as values."""

from __future__ import annotations

import pytest

from events.facts import Attachment
from services.imports.conventions import openinference

from .test_genai import span

ASKED = "llm.input_messages"
ATTRIBUTES = {
    openinference.KIND: "LLM",
    f"{ASKED}.0.message.role": "system", f"{ASKED}.0.message.content": "You are a roofer.",
    f"{ASKED}.1.message.role": "user",
    f"{ASKED}.1.message.contents.0.message_content.type": "text",
    f"{ASKED}.1.message.contents.0.message_content.text": "Curb height?",
    f"{ASKED}.1.message.contents.1.message_content.type": "image",
    f"{ASKED}.1.message.contents.1.message_content.image.image.url": "https://example.com/curb.jpg",
    f"{ASKED}.2.message.role": "assistant",
    f"{ASKED}.2.message.tool_calls.0.tool_call.id": "c",
    f"{ASKED}.2.message.tool_calls.0.tool_call.function.name": "find",
    f"{ASKED}.2.message.tool_calls.0.tool_call.function.arguments": "{}",
    f"{ASKED}.3.message.role": "tool", f"{ASKED}.3.message.tool_call_id": "c", f"{ASKED}.3.message.content": "8 in",
    "llm.output_messages.0.message.content": "8 inches.",
}  # fmt: skip
IN_LISTS = {
    "llm.input_messages": [
        {"message.role": "system", "message.content": "You are a roofer."},
        {"message.role": "user", "message.contents": [
            {"message_content.type": "text", "message_content.text": "Curb height?"},
            {"message_content.type": "image", "message_content.image.image.url": "https://example.com/curb.jpg"},
        ]},
        {"message": {"role": "assistant", "tool_calls": [
            {"tool_call.id": "c", "tool_call.function.name": "find", "tool_call.function.arguments": "{}"},
        ]}},
        {"message": {"role": "tool", "tool_call_id": "c", "content": "8 in"}},
    ],
    "llm.output_messages": '[{"message": {"content": "8 inches."}}]',
}  # fmt: skip


@pytest.mark.parametrize("attributes", [ATTRIBUTES, IN_LISTS], ids=["flat", "lists"])
def test_messages_are_read_however_they_nest(attributes: dict[str, object]) -> None:
    texts = openinference.read(span(attributes))
    assert texts is not None
    assert [(heard.role, heard.text) for heard in texts.asked] == [
        ("system", "You are a roofer."), ("user", "Curb height?"), ("assistant", ""), ("tool", "8 in"),
    ]  # fmt: skip
    assert texts.asked[1].attachments == (Attachment(kind="image", address="https://example.com/curb.jpg"),)
    assert (texts.asked[2].calls, texts.asked[3].results) == ((("c", "find", "{}"),), (("c", "8 in"),))
    assert [each.message.text for each in texts.answers] == ["8 inches."]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("Slope?", "1/4 in per foot."),
        ('{"question": "Slope?"}', '{"answer": "1/4 in per foot."}'),
        ('{"messages": [{"role": "user", "content": "Slope?"}]}',
         '{"choices": [{"message": {"role": "assistant", "content": "1/4 in per foot."}}]}'),
    ],
)  # fmt: skip
def test_values_stand_for_messages(asked: str, answered: str) -> None:
    texts = openinference.read(span({"input.value": asked, "output.value": answered}))
    assert texts is not None
    assert (texts.asked[0].text, texts.answers[0].message.text) == ("Slope?", "1/4 in per foot.")
    assert not texts.is_outer


@pytest.mark.parametrize(("kind", "outer"), [("CHAIN", True), ("AGENT", True), ("TOOL", None), ("RETRIEVER", None)])
def test_other_kinds_of_spans_are_outer_or_nothing(kind: str, outer: bool | None) -> None:
    texts = openinference.read(span({openinference.KIND: kind, "input.value": "Slope?", "output.value": "Yes."}))
    assert (texts and texts.is_outer) == outer

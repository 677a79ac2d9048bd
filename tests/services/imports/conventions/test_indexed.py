"""OpenLLMetry: an attribute for each field of each message."""

from __future__ import annotations

from services.imports.conventions import indexed

from .test_genai import span

ATTRIBUTES = {
    "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "You are a roofer.",
    "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": '[{"type": "text", "text": "Curb height?"}]',
    "gen_ai.prompt.2.role": "assistant", "gen_ai.prompt.2.tool_calls.0.id": "c",
    "gen_ai.prompt.2.tool_calls.0.name": "find", "gen_ai.prompt.2.tool_calls.0.arguments": "{}",
    "gen_ai.prompt.3.role": "tool", "gen_ai.prompt.3.tool_call_id": "c", "gen_ai.prompt.3.content": "8 in",
    "gen_ai.completion.0.content": "8 inches.", "gen_ai.completion.0.finish_reason": "stop",
}  # fmt: skip


def test_numbered_attributes_are_messages() -> None:
    texts = indexed.read(span(ATTRIBUTES))
    assert texts is not None
    assert [(heard.role, heard.text) for heard in texts.asked] == [
        ("system", "You are a roofer."), ("user", "Curb height?"), ("assistant", ""), ("tool", "8 in"),
    ]  # fmt: skip
    assert (texts.asked[2].calls, texts.asked[3].results) == ((("c", "find", "{}"),), (("c", "8 in"),))
    assert [(each.message.text, each.finish_reason) for each in texts.answers] == [("8 inches.", "stop")]


def test_messages_keep_the_order_of_their_numbers() -> None:
    many = {f"gen_ai.prompt.{n}.content": str(n) for n in reversed(range(12))}
    texts = indexed.read(span(many))
    assert texts is not None
    assert [heard.text for heard in texts.asked] == [str(n) for n in range(12)]


def test_one_text_may_hold_all_messages() -> None:
    texts = indexed.read(span({"gen_ai.prompt": "Slope?", "gen_ai.completion": "1/4 in per foot."}))
    assert texts is not None
    assert (texts.asked[0].text, texts.answers[0].message.text) == ("Slope?", "1/4 in per foot.")


def test_a_span_without_them_says_nothing() -> None:
    assert indexed.read(span({"gen_ai.request.model": "gpt-4o"})) is None

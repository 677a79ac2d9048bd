"""Items of OpenAI's Responses: what was said, called and thought, in the order in which it came."""

from __future__ import annotations

from events import chat
from services.imports import items


def test_a_text_is_what_the_user_says() -> None:
    assert items.messages("Which slope?") == [{"role": "user", "content": "Which slope?"}]


def test_calls_belong_to_the_message_that_makes_them() -> None:
    whole = items.messages(
        [
            {"role": "user", "content": [{"type": "input_text", "text": "Which slope?"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look it up."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One moment."}]},
            {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "1/4"},
            {"type": "web_search_call", "id": "ws1", "status": "completed", "action": {"query": "slope"}},
            {"type": "mcp_call", "id": "m1", "name": "look", "arguments": "{}", "output": "2 %"},
            {"type": "item_reference", "id": "x"},
        ]
    )
    heard = [chat.openai(message) for message in whole]
    assert [(each.role, each.text) for each in heard] == [
        ("user", "Which slope?"), ("assistant", "One moment."), ("tool", "1/4"), ("assistant", ""), ("tool", "2 %"),
    ]  # fmt: skip
    assert whole[1]["reasoning"] == "Look it up."
    assert heard[1].calls == (("c1", "find", "{}"),)
    assert heard[3].calls == (("ws1", "web_search", '{"action":{"query":"slope"}}'), ("m1", "look", "{}"))

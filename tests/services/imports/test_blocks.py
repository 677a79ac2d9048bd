"""Blocks of Anthropic's messages: calls, results and files where OpenAI's format has them."""

from __future__ import annotations

import hashlib

from events import chat
from events.facts import Attachment
from services.imports.blocks import opened


def test_a_message_without_blocks_stays_what_it_is() -> None:
    for message in ({"role": "user", "content": [{"type": "text", "text": "x"}]}, {"role": "user"}, 3):
        assert list(opened(message)) == [message]


def test_a_call_and_its_result_find_each_other() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "find_detail", "input": {"n": 1}}
    text = {"type": "text", "text": "And the slope?"}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "figure 4-8"}]}
    asked, answered, spoken = (
        *opened({"role": "assistant", "content": [call]}),
        *opened({"role": "user", "content": [result, text]}),
    )
    assert chat.openai(asked).calls == (("t1", "find_detail", '{"n":1}'),)
    assert chat.openai(answered).results == (("t1", "figure 4-8"),)
    assert (spoken["role"], spoken["content"]) == ("user", [text])


def test_what_a_server_called_comes_before_the_answer() -> None:
    content = [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "TPO"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "url": "u"}]},
        {"type": "text", "text": "3 inches."},
    ]
    called, result, answer = opened({"role": "assistant", "content": content, "model": "m"})
    assert called["tool_calls"][0]["function"]["name"] == "web_search"
    assert result["content"] == '{"type":"web_search_result","url":"u"}'
    assert (answer["content"], answer["model"]) == ([content[2]], "m")


def test_files_leave_their_digest_or_address() -> None:
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/roof.jpg"}},
        {
            "type": "document",
            "title": "spec.txt",
            "source": {"type": "text", "media_type": "text/plain", "data": "a b"},
        },
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "text", "text": "What is wrong?"},
    ]
    (message,) = opened({"role": "user", "content": content})
    heard = chat.openai(message)
    assert heard.text == "What is wrong?"
    assert heard.attachments == (
        Attachment(kind="image", digest=hashlib.sha256(b"\0\0\0").hexdigest()),
        Attachment(kind="image", address="https://example.com/roof.jpg"),
        Attachment(kind="file", name="spec.txt", digest=hashlib.sha256(b"a b").hexdigest()),
        Attachment(kind="file", address="file_1"),
    )

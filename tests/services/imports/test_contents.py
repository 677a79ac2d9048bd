"""Gemini's contents: texts, files, calls and thoughts, in either spelling."""

from __future__ import annotations

import pytest

from events import chat
from services.imports import contents


@pytest.mark.parametrize("given", ["Which slope?", {"parts": {"text": "Which slope?"}}, [{"parts": ["Which slope?"]}]])
def test_contents_may_be_short(given: object) -> None:
    assert contents.messages(given) == [{"role": "user", "content": "Which slope?"}]


def test_both_spellings_say_the_same() -> None:
    camel = {"role": "user", "parts": [{"fileData": {"mimeType": "audio/wav", "fileUri": "gs://b/x.wav"}}]}
    snake = {"role": "user", "parts": [{"file_data": {"mime_type": "audio/wav", "file_uri": "gs://b/x.wav"}}]}
    (one,), (other,) = contents.messages(camel), contents.messages(snake)
    assert chat.openai(one) == chat.openai(other)
    assert [(each.kind, each.address) for each in chat.openai(one).attachments] == [("audio", "gs://b/x.wav")]
    assert contents.system({"systemInstruction": "x"}) == contents.system({"system_instruction": {"parts": ["x"]}})
    assert contents.system({}) == []


def test_calls_and_results_are_tools() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"n": 1}}}]}
    result = {
        "role": "user",
        "parts": [{"functionResponse": {"name": "find", "response": {"mil": 60}}}, {"text": "So?"}],
    }
    heard = [chat.openai(message) for message in contents.messages([call, result])]
    assert [each.role for each in heard] == ["assistant", "tool", "user"]
    assert heard[0].calls == (("", "find", '{"n":1}'),)
    assert (heard[1].results, heard[1].name) == ((("", '{"mil":60}'),), "find")


@pytest.mark.parametrize("given", [{"role": "pope", "parts": []}, 3, [None], {"parts": [3]}])
def test_what_is_no_content_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="must"):
        contents.messages(given)

"""Earlier turns: every shape in which 0.1.0 copied a conversation into the details of a capture is understood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events import calls
from events.chat import openai
from events.chat_turns import ChatTurns
from events.codec import decode, encode
from events.earlier_turns import EarlierTurns, earlier_turns
from events.facts import Attachment, ExampleCaptured, ToolTurn

SYSTEM = {"role": "system", "content": "You are a roofer."}
Q, A = {"role": "user", "content": "Which slope?"}, {"role": "assistant", "content": "1/4 in per foot."}
NOW = {"role": "user", "content": "And for EPDM?"}
EARLIER = (("user", "Which slope?"), ("assistant", "1/4 in per foot."))


def imported(details: dict[str, Any], prompt: str = "And for EPDM?") -> ExampleCaptured:
    """A capture as an import wrote it, back from the log."""
    capture = calls.capture(prompt, "The same.", actor="import", details=details, example_id="train_1")
    fact = decode(encode(capture))
    assert isinstance(fact, ExampleCaptured)
    return fact


def of_chat(*conversation: Any, prompt: str = "And for EPDM?", **more: Any) -> EarlierTurns:
    carried = earlier_turns(imported({"chat": {"conversation": list(conversation)} | more}, prompt))
    assert carried is not None
    return carried


def genai(*messages: tuple[str, Any]) -> list[dict[str, Any]]:
    """Messages of a text, or of parts."""
    return [
        {"role": role, "parts": [{"type": "text", "content": said}] if isinstance(said, str) else said}
        for role, said in messages
    ]


def of_span(*messages: tuple[str, Any], **more: Any) -> EarlierTurns:
    whole = genai(*messages)
    as_text, structured = (
        earlier_turns(imported({"span": {"conversation": conversation} | more}))
        for conversation in (json.dumps(whole), whole)
    )
    assert as_text == structured
    assert as_text is not None
    return as_text


class TestChats:
    def test_what_was_said_before_the_question_is_in_order(self) -> None:
        carried = of_chat(SYSTEM, Q, A, NOW, id="c1", model="gpt-4o")
        assert (carried.turns, carried.system) == (EARLIER, "You are a roofer.")
        assert carried.details == {"chat": {"id": "c1", "model": "gpt-4o"}}
        assert (carried.tools, carried.attachments) == ((), ())

    def test_it_follows_the_example_of_the_turn_before(self) -> None:
        turns = ChatTurns()
        heard = [turn for message in (SYSTEM, Q, A, NOW, A) for turn in turns.hear(openai(message), message)]
        carried = of_chat(SYSTEM, Q, A, NOW)
        assert (carried.follows, carried.conversation) == (heard[0].example_id, heard[0].example_id)
        assert (heard[1].follows, heard[1].conversation) == (carried.follows, carried.conversation)
        first = of_chat(SYSTEM, NOW)
        assert (first.follows, first.before, first.conversation) == (None, None, "train_1")

    def test_details_that_held_nothing_else_are_empty(self) -> None:
        assert of_chat(SYSTEM, NOW).details == {}

    def test_a_question_without_earlier_turns_has_a_system_text(self) -> None:
        developer = {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}
        carried = of_chat(SYSTEM, developer, NOW)
        assert (carried.turns, carried.system) == ((), "You are a roofer.\n\nBe brief.")

    def test_questions_in_a_row_are_one(self) -> None:
        assert of_chat(Q, NOW, prompt="Which slope?\n\nAnd for EPDM?").turns == ()
        assert of_chat(Q, A, Q, NOW, prompt="Which slope?\n\nAnd for EPDM?").turns == EARLIER

    def test_an_earlier_answer_to_the_same_question_is_carried(self) -> None:
        assert of_chat(Q, A, NOW, A).turns == (*EARLIER, ("assistant", "1/4 in per foot."))

    def test_tools_and_photos_of_the_question_are_its_own(self) -> None:
        photo = {"type": "image_url", "image_url": {"url": "roof.jpg"}}
        asks = {"role": "user", "content": [{"type": "text", "text": "And for EPDM?"}, photo]}
        call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "find"}}]}
        result = {"role": "tool", "tool_call_id": "c", "content": "figure 4-8"}
        carried = of_chat(asks, call, result)
        assert carried.tools == (ToolTurn(name="find", result="figure 4-8"),)
        assert carried.attachments == (Attachment(kind="image", address="roof.jpg"),)
        assert carried.turns == ()

    def test_the_texts_of_earlier_tools_are_carried(self) -> None:
        carried = of_chat(Q, {"role": "function", "name": "find", "content": "figure 4-8"}, A, NOW)
        assert carried.turns == (EARLIER[0], ("function", "figure 4-8"), EARLIER[1])
        assert carried.tools == ()


class TestSpans:
    def test_what_was_said_before_the_question_is_in_order(self) -> None:
        carried = of_span(("system", "You are a roofer."), *EARLIER, ("user", "And for EPDM?"), service="s")
        assert (carried.turns, carried.system) == (EARLIER, "You are a roofer.")
        assert carried.details == {"span": {"service": "s"}}

    def test_two_spans_are_linked_by_the_words_between(self) -> None:
        first = of_span(("system", "You are a roofer."), ("user", "And for  EPDM?"))
        second = of_span(("user", "And for EPDM?"), ("assistant", "The same.\n"), ("user", "And for EPDM?"))
        assert (first.before, first.after) == (None, second.before)
        assert second.after not in (first.after, None)
        assert (first.follows, second.follows) == (None, None)

    def test_only_the_last_question_was_the_prompt(self) -> None:
        assert of_span(("user", "Hello."), ("user", "And for EPDM?"), ("user", " ")).turns == (("user", "Hello."),)

    @pytest.mark.parametrize(
        "instructions",
        [
            "You are a roofer.",
            '[{"type":"text","content":"You are a roofer."}]',
            [{"type": "text", "content": "You are a roofer."}],
            ["You are a roofer."],
        ],
    )
    def test_instructions_are_the_system_text(self, instructions: Any) -> None:
        more: dict[str, Any] = {"gen_ai.system_instructions": instructions, "gen_ai.request.model": "m"}
        carried = earlier_turns(imported({"span": more}))
        assert carried is not None
        assert (carried.turns, carried.system) == ((), "You are a roofer.")
        assert carried.details == {"span": {"gen_ai.request.model": "m"}}
        both = of_span(("system", "Be brief."), ("user", "And for EPDM?"), **more)
        assert both.system == "You are a roofer.\n\nBe brief."

    def test_the_conversation_of_the_source_is_told(self) -> None:
        carried = earlier_turns(imported({"span": {"gen_ai.conversation.id": "thread 7"}}))
        assert carried is not None
        assert (carried.conversation, carried.details, carried.turns) == ("thread 7", {}, ())

    def test_tools_and_photos_of_the_question_are_its_own(self) -> None:
        photo = {"type": "uri", "modality": "image", "uri": "roof.jpg"}
        call = {"type": "tool_call", "id": "c", "name": "find", "arguments": {"a": 1}}
        result = {"type": "tool_call_response", "id": "c", "response": "figure 4-8"}
        carried = of_span(
            ("user", [{"type": "text", "content": "And for EPDM?"}, photo]), ("assistant", [call]), ("tool", [result])
        )
        assert carried.tools == (ToolTurn(name="find", arguments='{"a":1}', result="figure 4-8"),)
        assert carried.attachments == (Attachment(kind="image", address="roof.jpg"),)
        assert carried.turns == ()


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"chat": {"id": "c1", "model": "m"}},
        {"span": {"service": "s", "gen_ai.request.model": "m"}},
        {"chat": 3, "span": []},
        {"chat": {"conversation": "c1"}},
        {"span": {"conversation": "not JSON"}},
        {"span": {"conversation": [3]}},
        {"span": {"conversation": [{"role": "user"}]}},
        {"conversation": [Q, A]},
    ],
)
def test_other_details_carry_no_conversation(details: dict[str, Any]) -> None:
    assert earlier_turns(imported(details)) is None


def test_details_of_others_stay() -> None:
    fact = imported({"chat": {"conversation": [Q, A, NOW]}, "old_store": {"quality": 1}})
    carried = earlier_turns(fact)
    assert carried is not None
    assert carried.details == {"old_store": {"quality": 1}}

"""Thinking: it is no part of the answer, however it is marked."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports.thinking import beside, parted


@pytest.mark.parametrize(
    ("text", "answer", "thoughts"),
    [
        ("Lap it 3 inches.", "Lap it 3 inches.", ""),
        ("  < 3 inches >\n", "  < 3 inches >\n", ""),
        ("<think>2? No.</think>\n\n3 inches.", "3 inches.", "2? No."),
        ("<Thinking>2?</Thinking>3 inches. <reasoning>sure</reasoning>Weld it.", "3 inches. Weld it.", "2?\n\nsure"),
        ("2? No.\n</think>\n3 inches.", "3 inches.", "2? No."),
        ("<think>a<think>b</think>c</think>3 inches.", "3 inches.", "a\n\nb\n\nc"),
        ("<think>2? No, so", "", "2? No, so"),
        ("[THINK]2?[/THINK]3 inches.", "3 inches.", "2?"),
        ("<|begin_of_thought|>2?<|end_of_thought|>3 inches.", "3 inches.", "2?"),
        ("◁think▷2?◁/think▷3 inches.", "3 inches.", "2?"),
        ("<seed:think>2?</seed:think>3 inches.", "3 inches.", "2?"),
        ("<think></think>3 inches.", "3 inches.", ""),
    ],
)
def test_thoughts_are_taken_out_of_an_answer(text: str, answer: str, thoughts: str) -> None:
    assert parted(text) == (answer, thoughts)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "3 inches.", "reasoning_content": " 2? "},
        {"content": "3 inches.", "reasoning": "2?"},
        {"content": [{"type": "thinking", "thinking": "2?"}, {"type": "text", "text": "3 inches."}]},
        {"content": [{"type": "reasoning", "text": "2?"}, {"type": "text", "text": "3 inches."}]},
    ],
)
def test_thoughts_may_be_told_apart(message: dict[str, Any]) -> None:
    assert beside(message) == "2?"
    assert beside({"content": ["3 inches."], "reasoning": [2]}) == ""

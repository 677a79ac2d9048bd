"""Causes: why a turn of a conversation is incomplete."""

from __future__ import annotations

from typing import Literal, get_args

Cause = Literal[
    "missing", "erased", "too_long", "withheld", "personal_data", "attachment", "cut_off", "refusal", "tool_call"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
"""Why a turn is no whole conversation: an earlier turn is missing or erased, there is more than the budget, an earlier
answer is not to be learned or a text of an earlier turn holds personal data; or the turn or an earlier one has an
attachment; or the answer was cut off, refuses, or only calls a tool."""

CAUSE_BIT: dict[Cause, int] = {cause: 1 << number for number, cause in enumerate(CAUSES)}

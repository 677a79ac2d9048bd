"""Details in which 0.1.0 copied a conversation: texts of a user and an assistant in turn, the question as the last."""

from __future__ import annotations

import json
from itertools import cycle
from typing import Any

ROLES = ("user", "assistant")


def of_chat(*turns: str) -> dict[str, Any]:
    """As an import of a chat kept it."""
    return {
        "chat": {
            "id": "c",
            "conversation": [{"role": r, "content": t} for r, t in zip(cycle(ROLES), turns, strict=False)],
        }
    }


def of_span(*turns: str) -> dict[str, Any]:
    """As an import of a trace kept it, in an attribute that is JSON."""
    said = [{"role": r, "parts": [{"type": "text", "content": t}]} for r, t in zip(cycle(ROLES), turns, strict=False)]
    return {"span": {"gen_ai.conversation.id": "s", "conversation": json.dumps(said)}}

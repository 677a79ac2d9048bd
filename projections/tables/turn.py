"""A turn of a conversation: for what it is incomplete by itself, whatever came before it."""

from __future__ import annotations

from ..policy.causes import CAUSE_BIT, Cause

_FINISHED: dict[Cause, tuple[str, ...]] = {
    "cut_off": (
        *("length", "max_tokens", "max_output_tokens", "model_length", "incomplete"),
        *("content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content"),
    ),
    "refusal": ("refusal", "refused", "guardrail_intervened"),
}
"""What OpenAI, Anthropic, Gemini, Bedrock, Mistral and OpenTelemetry call the end of such an answer, in lower case."""

_CALLS = ("tool_calls", "tool_call", "tool_use", "function_call")


def gaps(response: str, finish_reason: str | None, has_tools: bool, has_attachments: bool) -> int:
    """The bits of the causes that a turn has of itself."""
    finish = (finish_reason or "").lower()
    bits = sum(CAUSE_BIT[cause] for cause, names in _FINISHED.items() if finish in names)
    if has_attachments:
        bits |= CAUSE_BIT["attachment"]
    if finish in _CALLS or (has_tools and not response.strip()):
        bits |= CAUSE_BIT["tool_call"]
    return bits

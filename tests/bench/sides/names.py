"""Names of figures that both the registry and a side know; loading them loads nothing else."""

from __future__ import annotations

PAGES = (
    "dashboard", "stats", "status", "review", "review_search", "review_filters", "review_example", "review_by_tag",
    "queue", "examples", "examples_search", "example", "example_history", "example_related", "exports", "policies",
    "policy", "quarantine", "replay", "session",
)  # fmt: skip
"""The pages, each with the addresses that it asks for."""

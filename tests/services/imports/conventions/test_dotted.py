"""Dotted names: objects and lists as they are spelt, whatever the names."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports.conventions.dotted import DEEPEST, nested


@pytest.mark.parametrize(
    ("attributes", "value"),
    [
        ({"a.10.b": 1, "a.9.b": 2, "a.9.c": 3}, {"a": [{"b": 2, "c": 3}, {"b": 1}]}),
        ({"a": 1, "a.b": 2}, {"a": 1}),
        ({"a.b": 2, "a": 1}, {"a": {"b": 2}}),
        ({"a": [{"b.c": 1}, {"b": {"d.e": 2}}]}, {"a": [{"b": {"c": 1}}, {"b": {"d": {"e": 2}}}]}),
        ({"a..b": 1, "": 2}, {"a": {"": {"b": 1}}, "": 2}),
        ({}, {}),
    ],
)
def test_names_spell_values(attributes: dict[str, Any], value: Any) -> None:
    assert nested(attributes) == value


def test_only_names_below_the_prefix_count() -> None:
    assert nested({"llm.x.0": "a", "llm.y": "b"}, "llm.x.") == ["a"]


def test_a_long_name_nests_no_deeper_than_the_limit() -> None:
    value, depth = nested({".".join("a" * 1000): 1}), 0
    while isinstance(value, dict):
        value, depth = next(iter(value.values())), depth + 1
    assert depth == DEEPEST + 1

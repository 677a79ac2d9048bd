"""Documents: every value of an array, or behind another, however it is printed and wherever a piece ends."""

from __future__ import annotations

import io
import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from services.imports import documents
from services.imports.documents import Value

from .contract import ANYTHING


def values(text: str, longest: int = 1000) -> list[Value]:
    return list(documents.values(io.BufferedReader(io.BytesIO(text.encode())), longest))


@hypothesis.given(
    items=st.lists(st.dictionaries(st.text(), ANYTHING, max_size=3), max_size=5),
    indent=st.sampled_from([None, 0, 1]),
    is_array=st.booleans(),
    piece=st.integers(1, 40),
)
def test_values_are_those_of_a_parser(items: list[Any], indent: int | None, is_array: bool, piece: int) -> None:
    text = (
        json.dumps(items, indent=indent) if is_array else "\n".join(json.dumps(item, indent=indent) for item in items)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_PIECE", piece)
        seen = values(text, longest=10**6)
    assert [json.loads(value.data or b"") for value in seen] == items
    assert [text.splitlines()[value.line - 1].lstrip(", [")[:1] for value in seen] == ["{"] * len(items)


@pytest.mark.parametrize("piece", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a": tru},\n {"b": 1}]', [(1, '{"a": tru}'), (2, '{"b": 1}')]),
        ('[1, "x",\n{"b": 1},\nnull]', [(1, '1, "x"'), (2, '{"b": 1}'), (3, "null")]),
        ('[{"a": 1}]\n}\n{"b": 1}', [(1, '{"a": 1}'), (2, "}"), (3, '{"b": 1}')]),
        ('[{"a": 1},\n{"b', [(1, '{"a": 1}'), (2, '{"b'), (2, "[")]),
        ('{"a": "]}\\"{"}\n{"b": 1}', [(1, '{"a": "]}\\"{"}'), (2, '{"b": 1}')]),
        ("[]", []),
        ("", []),
    ],
)
def test_what_is_no_object_is_a_value_too(
    text: str, expected: list[tuple[int, str]], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_PIECE", piece)
    assert [(value.line, (value.data or b"").decode()) for value in values(text)] == expected


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("long", ['{"a": [' + "1, " * 100 + "2]}", '{"a": "' + '\\"]}' * 100 + '"}'])
def test_a_value_that_is_too_long_harms_no_other(long: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_PIECE", piece)
    seen = values(f'[{{"a": 1}},\n{long},\n{{"b": 1}}]', longest=50)
    assert [(value.line, value.data) for value in seen] == [(1, b'{"a": 1}'), (2, None), (3, b'{"b": 1}')]

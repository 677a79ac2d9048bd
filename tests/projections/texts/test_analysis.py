"""Analysis: RE2 finds in Python what DuckDB's RE2 finds in SQL, in one text and in many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.policy import lexicon
from projections.policy.alternations import places
from projections.policy.lexicon import SAID
from projections.policy.policy import default
from projections.store import database
from projections.texts import analysis, personal_data
from projections.texts.analysis import ANALYSIS, Texts, analyse, analyser, of
from projections.texts.personal_data_rules import RULES
from projections.texts.text_size import READ
from tests.evaluation.__main__ import labelled
from tests.projections.texts.shapes import SHAPES

LEXICON = default().lexicon
BY = analyser(default())
PREFILTER = "|".join(f"(?:{rule.hint})" for rule in RULES)
LABELLED = [Texts(row["prompt"], row["response"]) for name in ("relevance", "tags") for row in labelled(name)]
LABELLED += [Texts(row["a"], row["b"]) for name in ("near_duplicates", "contradictions") for row in labelled(name)]
LABELLED += [Texts("", row["text"], row["text"][::-1]) for row in labelled("personal_data")]
ODD = [
    Texts("İSTANBUL ROOFS\vTPO\u00a0seam mod\vbit", "STRASSE ẞ flashing\x0bdrain 07\u20035400 \u0660\u0667 54 00"),
    Texts(
        "mod\u212abit \u212aEE membrane, dr\u0130p edge, dri\u0307p edge", "ſeam ΣΑΣ flashing\u0301s __tpo _epdm___pvc_"
    ),
    Texts(
        "call \u0663\u0661\u0662 555 0142",
        "pass\u017fword: x, a@b\u00e9.com",
        "t\u00e9l 12 34 56 78\x00(312)\x1c555\x1d0142",
    ),
]


@pytest.fixture(scope="module")
def con() -> Iterator[database.Connection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def by_duckdb(con: database.Connection, texts: Sequence[Texts], read: int = READ) -> list[tuple[bool, Any]]:
    """Whether each text is suspect, and what the lexicon matches in it."""
    con.register("given", pa.table([*zip(*texts, strict=True)], schema=_TEXTS))
    matches = f"regexp_extract_all({SAID}, {literal(LEXICON.pattern)})"
    joined = "concat_ws(chr(10), prompt, response, original_response)"
    rows = con.execute(
        f"""SELECT regexp_matches({joined}, {literal(PREFILTER)}), {matches}
            FROM (SELECT {", ".join(f"left({name}, {read}) AS {name}" for name in Texts._fields)} FROM given)"""
    ).fetchall()
    con.unregister("given")
    return rows


_TEXTS = pa.schema([(name, pa.string()) for name in Texts._fields])


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def by_python(texts: Sequence[Texts]) -> list[tuple[bool, Any]]:
    found = []
    for each in texts:
        rated = lexicon.said(each.prompt, each.response)
        matches = [rated[start:end].decode() for start, end in places(LEXICON.expression, rated)]
        found.append((personal_data.is_suspect(*each), matches))
    return found


def test_labelled_texts_match_as_in_duckdb(con: database.Connection) -> None:
    texts = LABELLED + ODD
    assert by_python(texts) == by_duckdb(con, texts)


def test_texts_of_any_shape_match_as_in_duckdb(con: database.Connection) -> None:
    texts = [Texts(shape(3_000), shape(500)) for shape in SHAPES.values()]
    assert by_python(texts) == by_duckdb(con, texts)


PIECES = st.one_of(
    st.sampled_from(sorted({form for term in LEXICON.terms for form in term.forms})),
    st.sampled_from(
        ["İ", "\u212a", "ſ", "ẞ", "Σ", "ς", "\u0301", "\u0307", "屋根", "\u3000", "\u00a0", "\u2028", "\x85"]
    ),
    st.sampled_from([" ", "-", "_", "__", " _", "\n", "\r\n", "\t", "\v", "\f", "\x1c", "\x00", ".", "#", "'", "|"]),
    st.sampled_from(["7", "07", "54", "\u0667", "½", "a@b.com", "312 555 0142", "password: ", "sk-", "+49 "]),
    st.text(max_size=4),
).flatmap(lambda piece: st.sampled_from([piece, piece.upper(), piece.title()]))
TEXT = st.lists(PIECES, max_size=12).map("".join)


@given(st.lists(st.builds(Texts, TEXT, st.none() | TEXT, st.none() | TEXT), min_size=1, max_size=8))
def test_random_texts_match_as_in_duckdb(con: database.Connection, texts: list[Texts]) -> None:
    assert by_python(texts) == by_duckdb(con, texts)


@given(TEXT)
def test_rules_are_hinted_at_as_in_python(text: str) -> None:
    hinted = [rule for rule, hint in zip(RULES, personal_data._PYTHON_HINTS, strict=True) if hint.search(text)]
    assert personal_data._hinted(text) == hinted


def test_rules_are_hinted_at_in_labelled_texts_and_shapes() -> None:
    for text in [text for each in LABELLED + ODD for text in each if text] + [s(20_000) for s in SHAPES.values()]:
        test_rules_are_hinted_at_as_in_python.hypothesis.inner_test(text)  # type: ignore[attr-defined]


def test_only_what_is_read_of_a_long_text_counts(con: database.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [Texts("屋根é\u0301 " + "tpo " * n, "epdm " * n, "a@example.com " * n) for n in range(1, 9)]
    monkeypatch.setattr(analysis, "READ", 17)
    monkeypatch.setattr(personal_data, "READ", 17)
    cut = [Texts(each.prompt[:17], (each.response or "")[:17], (each.original_response or "")[:17]) for each in texts]
    assert of(texts, BY) == of(cut, BY)
    assert by_python(cut) == by_duckdb(con, texts, 17)


def test_no_texts_have_no_analyses() -> None:
    assert of([], BY).num_rows == 0
    assert of([], BY).schema.equals(of(ODD, BY).schema)


@pytest.mark.parametrize("many", [1_000, 1])
def test_pages_in_processes_give_the_analyses_of_one_call(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "PAGE", 20_000)
    monkeypatch.setattr(analysis, "MANY", many)
    texts = LABELLED[::4] + ODD
    connection = database.connect(None)
    ANALYSIS.create(connection)
    keys = [f"00000000-0000-0000-0000-{n:012}" for n in range(len(texts))]
    given = pa.table([keys, *zip(*texts, strict=True)], ["analysis_key", *Texts._fields])
    connection.register("given", given)
    analyse(connection, "(SELECT * REPLACE (analysis_key::UUID AS analysis_key) FROM given LIMIT 7)", BY)
    analyse(connection, "(SELECT * REPLACE (analysis_key::UUID AS analysis_key) FROM given)", BY)
    expected = of(texts, BY)
    columns = ", ".join(expected.column_names)
    stored = connection.execute(f"SELECT {columns} FROM analysis ORDER BY analysis_key").fetchall()
    assert stored == [tuple(row.values()) for row in expected.to_pylist()]
    connection.close()

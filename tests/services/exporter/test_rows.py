"""Rows as formats take them: what is put together from whole columns is what plain Python says of each row."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pyarrow as pa
import pytest

from projections.queries.exported_turns import TURN
from projections.store import database
from services.exporter.formats import FORMATS, MASKS, Format
from services.exporter.rows import SPLITS, by_split

SYSTEM = 'The policy\'s "system" text'
TEXT = pa.string()
WORDS = ["roof", "TPO ", '"quoted"', "\\", "\n", "é", "🏗️", "\u2028", "\x01", "\t", "</script>", "5 °"]


def page(rows: int, *, most_turns: int, systems: list[str | None]) -> pa.Table:
    """A page of the training set with random texts, masks and turns."""
    some = random.Random(rows + most_turns)

    def text() -> str:
        return "".join(some.choices(WORDS, k=some.randint(1, 6)))

    columns: dict[str, Any] = {
        "side": pa.array(some.choices(SPLITS, k=rows), TEXT),
        **{name: pa.array((text() for _ in range(rows)), TEXT) for name in ("prompt", "response", "rejected")},
        **{mask: pa.array((some.random() < 0.7 for _ in range(rows)), pa.bool_()) for mask in MASKS},
    }
    turns = [[{"prompt": text(), "response": text()} for _ in range(some.randint(0, most_turns))] for _ in range(rows)]
    return (
        pa.table(columns)
        .append_column("turns", pa.array(turns, pa.list_(TURN)))
        .append_column("system", pa.array(some.choices(systems, k=rows), TEXT))
    )


def expected(name: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of a format for a row, in plain Python."""
    before = [{"role": "system", "content": SYSTEM if row["system"] is None else row["system"]}]
    for turn in row["turns"]:
        before += [{"role": "user", "content": turn["prompt"]}, {"role": "assistant", "content": turn["response"]}]
    prompt = [*before, {"role": "user", "content": row["prompt"]}]
    good, bad = ([{"role": "assistant", "content": row[text]}] for text in ("response", "rejected"))
    told = [f"User: {turn['prompt']}\n\nAssistant: {turn['response']}\n\n" for turn in row["turns"]]
    asked = "".join([*told, "User: "] if told else []) + row["prompt"]
    flat = {"prompt": asked, "response": row["response"], "system": SYSTEM}
    pairs = [{"prompt": prompt, "completion": good, "label": True}] * row["liked"]
    disliked = {"prompt": prompt, "completion": bad if row["dpo"] else good, "label": False}
    return {
        "sft": [flat] * row["flat"],
        "messages": [{"messages": prompt + good}] * row["whole"],
        "dpo": [{"prompt": prompt, "chosen": good, "rejected": bad}] * row["dpo"],
        "kto": [*pairs, *([disliked] * row["disliked"])],
        "prompt_completion": [{"prompt": prompt, "completion": good}] * row["sft"],
    }[name]


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
@pytest.mark.parametrize(
    ("rows", "most_turns", "systems"),
    [
        (40, 3, [None]),
        (40, 0, [None, "Their own.", ""]),
        (60, 5, [None, 'Of "a" row\n']),
        (1, 2, ["x"]),
        (0, 1, [None]),
    ],
)
def test_lines_and_columns_have_the_turns_of_their_row(
    format_: Format, rows: int, most_turns: int, systems: list[str | None]
) -> None:
    given = page(rows, most_turns=most_turns, systems=systems)
    with contextlib.closing(database.connect(None)) as con:
        con.execute("SET preserve_insertion_order = true")
        for side, some in by_split(given, SYSTEM, con).items():
            table = format_.table(some)
            wanted = [line for row in given.to_pylist() if row["side"] == side for line in expected(format_.name, row)]
            assert [json.loads(line) for line in table.column("json").to_pylist()] == wanted
            assert table.drop_columns("json").cast(format_.schema).to_pylist() == wanted


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
def test_rows_without_turns_are_the_same_bytes_either_way(format_: Format) -> None:
    """Given rows that stand alone, then it makes no difference whether another row of their page does not."""
    given = page(30, most_turns=0, systems=[None])
    with contextlib.closing(database.connect(None)) as con:
        con.execute("SET preserve_insertion_order = true")
        slow = by_split(given, SYSTEM, con)
        fast = by_split(given.drop_columns(["turns", "system"]), SYSTEM, con)
        for side in SPLITS:
            assert not fast[side].in_context
            assert format_.table(slow[side]).equals(format_.table(fast[side]))

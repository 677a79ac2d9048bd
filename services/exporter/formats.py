"""The formats: what a row of the training set is in each of them, as JSON line and as Parquet columns.

DuckDB makes both from Arrow rows: a million lines take seconds, and no text passes through Python. Every SELECT keeps
the order of its rows.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
from msgspec import Struct

SPLITS = ("train", "eval")


class Format(Struct, frozen=True):
    """What a format's rows are, and the paths of its files, without their ends, by split.

    `rows` is the SELECT, from `rows` as `training_set.pages` has them, of the Parquet columns and of `json`, the line
    with its end.
    """

    name: str
    title: str
    schema: pa.Schema
    rows: str
    paths: dict[str, str]

    @property
    def query(self) -> str:
        """The SELECT of the columns of the schema and of `json`."""
        return f"SELECT {', '.join(self.schema.names)}, json FROM ({self.rows})"

    def parameters(self, known: dict[str, Any]) -> dict[str, Any]:
        """Those of the known values that the SELECT asks for."""
        return {name: known[name] for name in set(re.findall(r"\$(\w+)", self.rows))}


def _paths(name: str) -> dict[str, str]:
    return {split: f"data/{name}/{split}" for split in SPLITS}


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def _concat(template: str, **parts: str) -> str:
    """The SQL of a JSON line from a template: its text and, for each `<name>`, an expression.

    It is one call of `concat`: a chain of `||` copies everything before it again and again.
    """
    pieces = re.split(r"<(\w+)>", template + "\n")
    values = [parts[piece] if number % 2 else f"'{piece}'" for number, piece in enumerate(pieces)]
    return f"concat({', '.join(values)})"


def _messages(*said: tuple[str, str]) -> str:
    return f"[{', '.join(f'{{role: {role!r}, content: {text}}}' for role, text in said)}]"


_SYSTEM_AND_USER = ("system", "$system"), ("user", "prompt")
_ASKED = '{"role":"system","content":<system>},{"role":"user","content":<prompt>}'
_ANSWER = '{"role":"assistant","content":<answer>}'
_JSON = {
    "system": "to_json($system)::VARCHAR",
    "prompt": "to_json(prompt)::VARCHAR",
    "answer": "to_json(response)::VARCHAR",
}

_SFT_JSON = _concat('{"prompt":<prompt>,"response":<answer>,"system":<system>}', **_JSON)
_MESSAGES_JSON = _concat(f'{{"messages":[{_ASKED},{_ANSWER}]}}', **_JSON)
_DPO_JSON = _concat(
    f'{{"prompt":[{_ASKED}],"chosen":[{_ANSWER}],"rejected":[{_ANSWER.replace("answer", "rejected")}]}}',
    **_JSON,
    rejected="to_json(rejected)::VARCHAR",
)
_KTO_JSON = _concat(
    f'{{"prompt":[{_ASKED}],"completion":[{_ANSWER}],"label":<label>}}',
    **_JSON | {"answer": "to_json(answer)::VARCHAR", "label": "label"},
)

SFT = Format(
    "sft",
    "The training set: prompt, response and system text",
    pa.schema([("prompt", pa.string()), ("response", pa.string()), ("system", pa.string())]),
    f"SELECT prompt, response, $system AS system, {_SFT_JSON} AS json FROM rows WHERE sft AND side = $split",
    _paths("sft"),
)
MESSAGES = Format(
    "messages",
    "The same rows as conversations",
    pa.schema([("messages", _MESSAGES)]),
    f"""SELECT {_messages(*_SYSTEM_AND_USER, ("assistant", "response"))} AS messages, {_MESSAGES_JSON} AS json
        FROM rows WHERE sft AND side = $split""",
    _paths("messages"),
)
DPO = Format(
    "dpo",
    "Corrections: the corrected answer is chosen, the one that it replaced rejected",
    pa.schema([("prompt", _MESSAGES), ("chosen", _MESSAGES), ("rejected", _MESSAGES)]),
    f"""SELECT {_messages(*_SYSTEM_AND_USER)} AS prompt, {_messages(("assistant", "response"))} AS chosen,
            {_messages(("assistant", "rejected"))} AS rejected, {_DPO_JSON} AS json
        FROM rows WHERE dpo AND side = $split""",
    _paths("dpo"),
)
KTO = Format(
    "kto",
    "Thumbs: answers that were liked or corrected to, and answers that were disliked or corrected",
    pa.schema([("prompt", _MESSAGES), ("completion", _MESSAGES), ("label", pa.bool_())]),
    f"""SELECT {_messages(*_SYSTEM_AND_USER)} AS prompt, {_messages(("assistant", "answer"))} AS completion, label,
            {_KTO_JSON} AS json
        FROM (SELECT prompt, label, CASE WHEN label OR NOT dpo THEN response ELSE rejected END AS answer
              FROM (SELECT *, unnest(CASE WHEN NOT disliked THEN [true] WHEN NOT liked THEN [false]
                                          ELSE [true, false] END) AS label
                    FROM rows WHERE (liked OR disliked) AND side = $split))""",
    _paths("kto"),
)

FORMATS = (SFT, MESSAGES, DPO, KTO)

_FACT = pa.struct([("seq", pa.int64()), ("fact", pa.string()), ("at", pa.string()), ("actor", pa.string())])

_LINEAGE = pa.schema(
    [
        ("example_id", pa.string()),
        ("split", pa.string()),
        ("sft", pa.int64()),
        ("dpo", pa.int64()),
        ("kto_good", pa.int64()),
        ("kto_bad", pa.int64()),
        ("seq", pa.int64()),
        ("text_seq", pa.int64()),
        ("kind", pa.string()),
        ("source", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("cluster", pa.int64()),
        ("corrects", pa.string()),
        ("approval", pa.string()),
        ("reviewer", pa.string()),
        ("facts", pa.list_(_FACT)),
    ]
)


def _line(counted: str, name: str, condition: str | None = None, less: str = "0") -> str:
    """The line number of a row: how many rows of its side were counted up to it, and those of earlier batches."""
    up_to = "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    sides = " ".join(
        f"WHEN '{split}' THEN ${name}_{split} + sum(CASE WHEN side = '{split}' THEN {counted} ELSE 0 END) {up_to}"
        for split in SPLITS
    )
    return f"CASE WHEN {condition or name} THEN (CASE side {sides} END - {less})::BIGINT END"


_KTO_ROWS = "liked::INT + disliked::INT"

LINEAGE = Format(
    "lineage",
    "Every example in the files, with its lines, the facts behind it, who stands for it and why",
    _LINEAGE,
    f"""SELECT *, to_json({{{", ".join(f"{name}: {name}" for name in _LINEAGE.names)}}})::VARCHAR || chr(10) AS json
        FROM (SELECT * EXCLUDE (sft, dpo), side AS split, {_line("sft::INT", "sft")} AS sft,
                     {_line("dpo::INT", "dpo")} AS dpo,
                     {_line(_KTO_ROWS, "kto", "liked", "disliked::INT")} AS kto_good,
                     {_line(_KTO_ROWS, "kto", "disliked")} AS kto_bad FROM rows)""",
    {"": "lineage"},
)
"""One line an example. `sft` (also of `messages`), `dpo`, `kto_good` and `kto_bad` are its lines in the files of its
split, from 1. Numbering goes on from the parameters `$sft_train` and so on, the rows of earlier batches."""

_COUNTS = {"sft": "sft::INT", "dpo": "dpo::INT", "kto": _KTO_ROWS}

COUNTED = f"""SELECT {
    ", ".join(
        f"coalesce(sum({count}) FILTER (side = '{split}'), 0)::BIGINT AS {name}_{split}"
        for name, count in _COUNTS.items()
        for split in SPLITS
    )
} FROM rows"""
"""The SELECT of how many lines the rows are, by the parameters of `LINEAGE` that count them; `messages` has those of
`sft`."""

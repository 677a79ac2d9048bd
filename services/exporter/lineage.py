"""Lineage: for every example in an export its lines in the files, the facts behind it, who stands for it and why."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .formats import SPLITS

_FACT = pa.struct([("seq", pa.int64()), ("fact", pa.string()), ("at", pa.string()), ("actor", pa.string())])

LINEAGE = pa.schema(
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
"""One line an example.

`sft` (also of `messages`), `dpo`, `kto_good` and `kto_bad` are its lines in the files of its split, from 1.
"""


class Lineage:
    """The lineage of page after page; it counts the lines of all pages before."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[str, str]] = Counter()

    def of(self, page: pa.Table) -> pa.Table:
        """The columns of `LINEAGE` for the rows of the next page (of `training_set.pages`)."""
        mask = {name: page.column(name).to_numpy() for name in ("sft", "dpo", "liked", "disliked")}
        side = {split: pc.equal(page.column("side"), split).to_numpy() for split in SPLITS}
        kto = self._numbers("kto", side, mask["liked"].astype(int) + mask["disliked"])
        lines = {
            "sft": pa.array(self._numbers("sft", side, mask["sft"]), mask=~mask["sft"]),
            "dpo": pa.array(self._numbers("dpo", side, mask["dpo"]), mask=~mask["dpo"]),
            "kto_good": pa.array(kto - mask["disliked"], mask=~mask["liked"]),
            "kto_bad": pa.array(kto, mask=~mask["disliked"]),
        }
        columns = dict(zip(page.column_names, page.columns, strict=True)) | {"split": page.column("side")} | lines
        return pa.table([columns[name] for name in LINEAGE.names], LINEAGE.names)

    def _numbers(self, name: str, side: dict[str, np.ndarray], counts: np.ndarray) -> np.ndarray:
        """The number of the last line of each row in the file of its side."""
        numbers = np.zeros(len(counts), np.int64)
        for split, here in side.items():
            numbers[here] = self._lines[name, split] + np.cumsum(counts[here])
            self._lines[name, split] += int(counts[here].sum())
        return numbers

"""Lineage: for every example in an export its lines in the files, the facts behind it, who stands for it and why."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .formats import FORMATS, LINES
from .rows import SPLITS

_FACT = pa.struct([("seq", pa.int64()), ("fact", pa.string()), ("at", pa.string()), ("actor", pa.string())])

LINEAGE = pa.schema(
    [
        ("example_id", pa.string()),
        ("split", pa.string()),
        *((column, pa.int64()) for column in LINES),
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
"""One line an example; the columns of `formats.LINES` are its lines in the files of its split, from 1."""


class Lineage:
    """The lineage of page after page; it counts the lines of all pages before."""

    def __init__(self) -> None:
        self._lines: Counter[tuple[str, str]] = Counter()

    def of(self, page: pa.Table) -> pa.Table:
        """The columns of `LINEAGE` for the rows of the next page (of `training_set.pages`)."""
        sides = {split: pc.equal(page.column("side"), split).to_numpy() for split in SPLITS}
        columns = dict(zip(page.column_names, page.columns, strict=True)) | {"split": page.column("side")}
        for columns_of_format in {tuple(format_.lines): None for format_ in FORMATS}:
            masks = {column: page.column(LINES[column]).to_numpy() for column in columns_of_format}
            columns |= self._numbered(masks, sides)
        return pa.table([columns[name] for name in LINEAGE.names], LINEAGE.names)

    def _numbered(self, masks: dict[str, np.ndarray], sides: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """The line of every row by column, null where its mask does not hold the row; a row may have several lines."""
        counts = np.sum([mask.astype(np.int64) for mask in masks.values()], axis=0)
        last = np.zeros(len(counts), np.int64)
        for split, here in sides.items():
            key = next(iter(masks)), split
            last[here] = self._lines[key] + np.cumsum(counts[here])
            self._lines[key] += int(counts[here].sum())
        numbered = {}
        for column, mask in reversed(masks.items()):
            numbered[column] = pa.array(last, mask=~mask)
            last = last - mask
        return numbered

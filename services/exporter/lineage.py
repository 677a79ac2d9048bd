"""Lineage: for every example in an export its lines in the files, the facts behind it, who stands for it and why."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import formats
from .formats import Format, numbered
from .rows import SPLITS

_FACT = pa.struct([("seq", pa.int64()), ("fact", pa.string()), ("at", pa.string()), ("actor", pa.string())])


def schema(in_context: bool) -> pa.Schema:
    """One line an example, with its lines in the files of its split, from 1, in the columns of its formats.

    `context` are the sequences of the facts from which the turns before it come; it is there where the policy exports
    turns with what came before them.
    """
    return pa.schema(
        [
            ("example_id", pa.string()),
            ("split", pa.string()),
            *((column, pa.int64()) for column in numbered(formats.of(in_context))),
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
            *([("context", pa.list_(pa.int64()))] if in_context else []),
        ]
    )


class Lineage:
    """The lineage of page after page; it counts the lines of all pages before."""

    def __init__(self, in_context: bool) -> None:
        self.schema = schema(in_context)
        self._formats: tuple[Format, ...] = formats.of(in_context)
        self._lines: Counter[tuple[str, str]] = Counter()

    def of(self, page: pa.Table) -> pa.Table:
        """The columns of the schema for the rows of the next page (of `training_set.pages`)."""
        sides = {split: pc.equal(page.column("side"), split).to_numpy() for split in SPLITS}
        columns = dict(zip(page.column_names, page.columns, strict=True)) | {"split": page.column("side")}
        for lines in {tuple(format_.lines.items()): None for format_ in self._formats}:
            masks = {column: page.column(mask).to_numpy() for column, mask in lines}
            columns |= self._numbered(masks, sides)
        return pa.table([columns[name] for name in self.schema.names], self.schema.names)

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

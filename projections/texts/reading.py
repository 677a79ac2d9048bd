"""Reading: what texts say, whatever the tables hold, so that another process can find it out ahead of the fold."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from .analysis import Analyser, Texts, known, of
from .near_links import Wordings, wordings


class Reading(NamedTuple):
    """What the texts of some examples say: their analyses by one analyser, and how their prompts are worded."""

    seqs: list[int]
    analyser: str
    analyses: pa.Table
    wordings: Wordings

    def of(self, seqs: list[int]) -> Reading:
        """What those of some of the examples say."""
        if seqs == self.seqs:
            return self
        place = {seq: n for n, seq in enumerate(self.seqs)}
        chosen = [place[seq] for seq in seqs]
        return Reading(seqs, self.analyser, self.analyses.take(chosen), self.wordings.take(chosen))


def read(by: Analyser, examples: pa.Table) -> Reading:
    """Read examples: `seq`, `prompt`, `response` and `original_response`, none of the prompts erased."""
    seqs, prompts, responses, originals = (examples[name].to_pylist() for name in COLUMNS)
    texts = [Texts(*each) for each in zip(prompts, responses, originals, strict=True)]
    return Reading(seqs, by.name, of(texts, known(by)), wordings(prompts, by.rules))


COLUMNS = ["seq", *Texts._fields]
"""The columns of examples that are read."""

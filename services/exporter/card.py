"""The dataset card: what `datasets.load_dataset` and people read first."""

from __future__ import annotations

from collections.abc import Iterable

from projections.queries.training_set import TrainingSet

from . import formats
from .formats import ROOT, Format, numbered
from .rows import SPLITS


def card(head: TrainingSet, counts: dict[str, dict[str, int]]) -> bytes:
    """README.md of an export: one configuration a format, with the splits that have rows."""
    lines = ["---", "pretty_name: rooflog training set", "configs:"]
    exported = formats.of(head.in_context)
    for format_ in exported:
        filled = [split for split in SPLITS if counts[format_.name][split]]
        if filled:
            lines += [f"- config_name: {format_.name}", "  data_files:"]
            for split in filled:
                lines += [f"  - split: {split}", f"    path: data/{format_.name}/{split}.parquet"]
    if any(counts[ROOT.name].values()):
        lines.insert(lines.index(f"- config_name: {ROOT.name}") + 1, "  default: true")
    lines += [
        "---",
        "",
        "# rooflog training set",
        "",
        f"Made from facts 1 to {head.checkpoint} of the log with digest `{head.log_digest}` under the policy",
        f"`{head.policy_digest}` (`policy.json`), answers of {head.min_relevance} relevance or better.",
        "",
        "| format | train | eval | what it holds |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{format_.name}` | {counts[format_.name]['train']} | {counts[format_.name]['eval']} | {format_.title} |"
        for format_ in exported
    ]
    lines += [
        "",
        *(_conversations(head) if head.in_context else _turns_alone(exported)),
        "",
        "`lineage.parquet` tells for every row of every file the example, the facts behind it, who",
        f"stands for it and why: {_listed(numbered(exported))} are line numbers in the files of the split.",
        "`manifest.json` has the digest of every file; its own SHA-256 is the name of this export.",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        'load_dataset("PATH/TO/THIS/DIRECTORY", "messages", split="train")',
        "```",
        "",
    ]
    return "\n".join(lines).encode()


def _conversations(head: TrainingSet) -> list[str]:
    """How turns of conversations are written, and how they are split."""
    return [
        "Each as JSON lines and as Parquet below `data/`, in the order of the log. A row has the turns before it, as",
        "they stand: as messages, or in `sft` written before the question. `prompt_completion` also has the rows of",
        "which an earlier answer is not to be learned. `context` in the lineage are the facts behind those turns.",
        "",
        "A conversation is on the side of the split of its first question, which never changes as others arrive.",
        f"Rows for evaluation whose question is like one in train are in no file: {head.straddling} here.",
    ]


def _turns_alone(exported: Iterable[Format]) -> list[str]:
    return [
        f"Each as JSON lines and as Parquet below `data/`, in the order of the log. {_same_rows(exported)},",
        "line by line. A cluster of near-duplicate prompts is on one side of the split, in later exports as well.",
    ]


def _same_rows(exported: Iterable[Format]) -> str:
    """Which formats have the rows of one before them."""
    first: dict[tuple[str, ...], str] = {}
    same = [(format_.name, first.setdefault(tuple(format_.lines), format_.name)) for format_ in exported]
    return ", ".join(f"`{name}` has the rows of `{other}`" for name, other in same if name != other)


def _listed(names: Iterable[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}"

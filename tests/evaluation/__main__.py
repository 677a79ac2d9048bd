"""`make eval`: how good the judgements of texts are on the labelled sets, with every miss.

In the data a broken bar (¦) splits keys, so that secret scanners leave the file alone; it is taken out on reading.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from projections.policy import policy
from projections.texts.contradictions import disagree
from projections.texts.near_duplicates import cluster
from projections.texts.personal_data import find_in
from projections.texts.text_filters import Text, judge_texts

HERE = Path(__file__).parent
TIERS = ("high", "medium", "low")


def labelled(name: str, split: str = "all") -> list[dict[str, Any]]:
    """The labelled rows of one half (`tune`, `held_out`) or of both (`all`)."""
    lines = (HERE / f"{name}.jsonl").read_text("utf-8").replace("¦", "").splitlines()
    return [row for row in map(json.loads, lines) if split in ("all", row["split"])]


def judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The judgement of each row under the shipped policy."""
    return judge_texts([Text(row["prompt"], row["response"]) for row in rows], policy.default())


def relevance(split: str) -> None:
    """Print the confusion of tiers, each group's share of tiers, and every text on the wrong side of low."""
    rows = labelled("relevance", split)
    pairs = list(zip(rows, judged(rows), strict=True))
    confusion = Counter((row["tier"], got["relevance"]) for row, got in pairs)
    print(f"\nrelevance: {len(rows)} texts; rows are labels, columns are judgements")
    print("        " + "".join(f"{tier:>8}" for tier in TIERS))
    for label in TIERS:
        print(f"{label:>8}" + "".join(f"{confusion[label, tier]:8}" for tier in TIERS))
    above = {row["id"] for row, got in pairs if got["relevance"] != "low"}
    score("above low", above, {row["id"] for row in rows if row["tier"] != "low"})
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for row, got in pairs:
        groups[row["group"]][got["relevance"]] += 1
    for group, tiers in groups.items():
        print(f"  {group:12} n={tiers.total():3}  " + "  ".join(f"{t} {tiers[t] / tiers.total():4.0%}" for t in TIERS))
    for row, got in pairs:
        if (got["relevance"] == "low") != (row["tier"] == "low"):
            print(f"  miss {row['tier']} -> {got['relevance']} ({got['score']}, {got['terms']}): {row['prompt'][:110]}")


def tags(split: str) -> None:
    """Print precision and recall of each tag, and every text whose tags differ."""
    rows = labelled("tags", split)
    given, wanted = set(), set()
    for row, got in zip(rows, judged(rows), strict=True):
        given |= {(row["id"], tag) for tag in got["tags"]}
        wanted |= {(row["id"], tag) for tag in row["tags"]}
        if set(got["tags"]) != set(row["tags"]):
            print(f"  miss {row['tags']} -> {got['tags']}: {row['prompt'][:110]}")
    print(f"\ntags: {len(rows)} texts")
    for tag in sorted({tag for _, tag in given | wanted}):
        score(tag, {pair for pair in given if pair[1] == tag}, {pair for pair in wanted if pair[1] == tag})
    score("all", given, wanted)


def personal_data(split: str) -> None:
    """Print per kind what was found exactly, and every miss and false alarm."""
    rows = labelled("personal_data", split)
    wanted, found, exact, alarms = Counter[str](), Counter[str](), Counter[str](), 0
    for row in rows:
        labels = {(span["kind"], span["text"]) for span in row["spans"]}
        spans = {(span.kind, row["text"][span.start : span.end]) for span in find_in(row["text"])}
        wanted.update(kind for kind, _ in labels)
        found.update(kind for kind, _ in spans)
        exact.update(kind for kind, _ in labels & spans)
        alarms += bool(spans and not labels)
        if spans != labels:
            print(f"  miss {sorted(labels - spans)} extra {sorted(spans - labels)}: {row['text']!r}")
    print(f"\npersonal data: {len(rows)} texts")
    for kind in sorted(wanted | found):
        print(f"  {kind:15} right {exact[kind]:3} of {wanted[kind]:3}, found {found[kind]:3}")
    traps = sum(not row["spans"] for row in rows)
    print(f"  all             right {exact.total():3} of {wanted.total():3}; {alarms} of {traps} traps raised an alarm")


def linked(pair: dict[str, Any]) -> bool:
    """Is the second prompt linked to the first, and the first to the second?"""
    one, other = (cluster(texts)[1][0] is not None for texts in ([pair["a"], pair["b"]], [pair["b"], pair["a"]]))
    if one is not other:
        raise ValueError(f"{pair['id']} is linked in one order only")
    return one


def near_duplicates(split: str) -> None:
    """Print how many pairs of each kind are linked, and every miss."""
    pairs = [(pair, linked(pair)) for pair in labelled("near_duplicates", split)]
    print(f"\nnear-duplicates: {len(pairs)} pairs")
    for kind in sorted({pair["kind"] for pair, _ in pairs}):
        found = [near for pair, near in pairs if pair["kind"] == kind]
        print(f"  {kind:15} {sum(found):3} of {len(found):3} linked")
    for pair, near in pairs:
        if near is not pair["same"]:
            print(f"  miss {pair['kind']}: {pair['a']} / {pair['b']}")


def contradictions(split: str) -> None:
    """Print how many pairs of answers are told to contradict each other, and every miss."""
    pairs = [(pair, disagree(pair["a"], pair["b"])) for pair in labelled("contradictions", split)]
    print(f"\ncontradictions: {len(pairs)} pairs of answers")
    score("all", {p["id"] for p, told in pairs if told}, {p["id"] for p, _ in pairs if p["contradict"]})
    for pair, told in pairs:
        if told is not pair["contradict"]:
            print(f"  miss {pair['id']}: {pair['a']} / {pair['b']}")


def score(name: str, found: set[Any], wanted: set[Any]) -> None:
    """Print precision and recall."""
    right = len(found & wanted)
    precision, recall = right / max(1, len(found)), right / max(1, len(wanted))
    print(
        f"  {name:12} precision {precision:4.0%} ({right}/{len(found)})  recall {recall:4.0%} ({right}/{len(wanted)})"
    )


if __name__ == "__main__":
    half = sys.argv[1] if len(sys.argv) > 1 else "held_out"
    for report in (relevance, tags, personal_data, near_duplicates, contradictions):
        report(half)

"""The judgements of texts beside their baselines: `make bench` runs this in a process of its own, memory included."""

from __future__ import annotations

import re
import resource
import statistics
import sys
import time
from typing import Any

import pyarrow as pa

from projections.policy import policy
from projections.store import database
from projections.texts import analysis, near_duplicates, near_links
from tests.evaluation.prompts import prompts

CHARACTERS = 900
"""Prompt and response of one example."""

OLD_TERMS = (
    "roof", "membrane", "tpo", "epdm", "pvc", "flashing", "drain", "curb", "penetration", "insulation", "polyiso",
    "spec", "07 ", "submittal", "rfi", "detail", "coping", "parapet", "scupper", "cricket", "tapered", "fastener",
)  # fmt: skip

SENTENCES = (
    "Extend the base flashing at least 8 inches above the finished roof membrane and terminate it under a reglet. ",
    "Send the submittal by Friday, call the office when the crew is done with the tear-off and keep lot 4471-22. ",
    "Stagger the joints of the polyiso and fasten it to the steel deck as section 07 22 16 and FM 1-90 demand. ",
    "Probe every seam after it has cooled, patch voids with a round piece and write the location on the plan. ",
)


def examples(count: int) -> list[analysis.Texts]:
    """Examples of about 900 characters, each different."""
    answers = []
    for number, prompt in enumerate(prompts(count, seed=11)):
        text = "".join(SENTENCES[(number + n) % len(SENTENCES)] for n in range(8))
        answers.append(analysis.Texts(prompt, f"{number}: {text}"[: CHARACTERS - len(prompt)]))
    return answers


def analysis_rate(count: int) -> tuple[float, float]:
    """Examples/s on one core: ours (relevance, tags, personal data) and the old class's substring count."""
    pairs = examples(count)
    lexicon = policy.default().lexicon
    analysis.of(pairs[:100], lexicon)
    began = time.perf_counter()
    for start in range(0, count, 1_000):
        analysis.of(pairs[start : start + 1_000], lexicon)
    ours = count / (time.perf_counter() - began)
    began = time.perf_counter()
    for prompt, response, _ in pairs:
        text = f"{prompt}{response}".lower()
        sum(term in text for term in OLD_TERMS)
    return ours, count / (time.perf_counter() - began)


def cluster_rate(count: int) -> tuple[float, int]:
    """Seconds for `count` prompts, and how many were linked."""
    asked = list(prompts(count))
    began = time.perf_counter()
    links = near_duplicates.cluster(asked, processes=2)
    return time.perf_counter() - began, sum(link is not None for link, _ in links)


def exact_rate(count: int) -> float:
    """Seconds for the plain baseline: a set of normalised prompts, which finds exact duplicates only."""
    asked = list(prompts(count))
    began = time.perf_counter()
    seen = {re.sub(r"\W+", " ", prompt.lower()).strip() for prompt in asked}
    return time.perf_counter() - began if seen else 0.0


def one_more(count: int, tries: int = 40) -> tuple[float, float]:
    """Milliseconds (median, worst) to link one new prompt to `count` stored ones, transaction included."""
    con = database.connect(None)
    for table in (near_links.NEAR_TEXTS, near_links.NEAR_BUCKETS):
        table.create(con)
    index = near_links.Index()
    asked = list(prompts(count + tries))
    con.execute("CREATE TEMP TABLE said (seq BIGINT, prompt VARCHAR)")
    for start in range(0, count, 50_000):
        part = asked[start : min(start + 50_000, count)]
        con.register("part", pa.table({"seq": range(start, start + len(part)), "prompt": part}))
        con.execute("CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM part")
        near_links.link(con, "said", index=index)
    times = []
    for number, prompt in enumerate(asked[count:], count):
        con.execute("CREATE OR REPLACE TEMP TABLE said AS SELECT ?::BIGINT AS seq, ? AS prompt", [number, prompt])
        began = time.perf_counter()
        con.execute("BEGIN")
        near_links.link(con, "said", index=index)
        con.execute("COMMIT")
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times), max(times)


def main(count: int) -> list[tuple[Any, ...]]:
    """Rows for the table of `make bench`."""
    ours, old = analysis_rate(max(2_000, count // 5))
    seconds, linked = cluster_rate(count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    median, worst = one_more(count)
    plain = exact_rate(count)
    return [
        ("analysis, 900 characters, one core", f"{ours:,.0f}/s", f"{old:,.0f}/s", f"{ours / old:.2f}",
         "old class: 22 substrings, no tags, no personal data"),
        (f"near-duplicates of {count:,} prompts", f"{seconds:.1f} s", f"{plain:.1f} s", f"{plain / seconds:.2f}",
         "a set of normalised prompts: exact duplicates only"),
        ("  memory, workers beside it", f"{peak:.1f} GiB", f"{children:.1f} GiB", "", f"{linked:,} linked"),
        (f"one new prompt among {count:,}", f"{median:.1f} ms", f"{worst:.1f} ms", "", "the slowest of 40"),
    ]  # fmt: skip


if __name__ == "__main__":
    for row in main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(*row, sep=" | ")

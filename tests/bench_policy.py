"""A change of policy beside gathering everything anew: `make bench` runs this in a process of its own."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from events.codec import encode
from events.facts import ExampleCaptured, Fact, FeedbackGiven, PolicyAdopted
from events.message import Message
from events.subjects import subject_of
from projections.fold.projector import Projector, prepare
from projections.policy.policy import Policy, default
from projections.store.database import first
from projections.tables import policies
from projections.verdicts import verdicts
from tests.bench_texts import SENTENCES
from tests.evaluation.prompts import prompts
from tests.services.conftest import NOW

SOURCES = ("chat_interaction", "production_query", "verified_calculation", "rfi_generation")


def facts(count: int) -> Iterator[Fact]:
    """Captures of 90 to 600 characters, two fifths of them worded like another one, and a thumbs up to every fourth."""
    for number, prompt in enumerate(prompts(count, seed=5)):
        name = f"train_{number:08}"
        response = f"{number}: " + "".join(SENTENCES[(number + n) % 4] for n in range((1, 3, 6)[number % 3]))
        yield ExampleCaptured(event_id=name, occurred_at=NOW, actor="bench", example_id=name, prompt=prompt,
                              response=response, source=SOURCES[number // 4 % 4])  # fmt: skip
        if number % 4 == 0:
            yield FeedbackGiven(event_id=f"f{name}", occurred_at=NOW, actor="bench", example_id=name,
                                feedback="positive")  # fmt: skip


def message(seq: int, fact: Fact) -> Message:
    return Message(seq, subject_of(fact), encode(fact), 1_742_299_200_000_000_000)


def adopt(projector: Projector, policy: Policy) -> float:
    """Seconds from the fact that adopts a policy to the last verdict."""
    seq = projector.checkpoint_seq + 1
    said = PolicyAdopted(
        event_id=f"p{seq}", occurred_at=NOW, actor="bench", policy=policy.document(), digest=policy.digest
    )
    began = time.perf_counter()
    assert projector.apply([message(seq, said)]) == 1
    seconds = time.perf_counter() - began
    assert policies.current(projector.con).digest == policy.digest
    return seconds


def main(count: int) -> list[tuple[str, ...]]:
    """Rows for the table of `make bench`."""
    with tempfile.TemporaryDirectory() as name:
        projector = Projector(Path(name) / "rooflog.duckdb")
        messages = (message(seq, fact) for seq, fact in enumerate(facts(count), 1))
        while batch := list(islice(messages, 20_000)):
            projector.fold(prepare(batch))
        projector.judge()
        usual = default()
        relevance = msgspec.structs.replace(usual.filters, min_relevance="high")
        length = msgspec.structs.replace(usual.filters, min_response_chars=200)
        rows = []
        for what, filters in (("relevance high", relevance), ("answers of 200", length), ("as shipped", usual.filters)):
            before = projector.con.execute("SELECT reasons FROM verdicts ORDER BY seq").fetchnumpy()["reasons"]
            seconds = adopt(projector, msgspec.structs.replace(usual, filters=filters))
            after = projector.con.execute("SELECT reasons FROM verdicts ORDER BY seq").fetchnumpy()["reasons"]
            changed = int((before != after).sum())
            projector.con.execute("BEGIN TRANSACTION")
            began = time.perf_counter()
            verdicts.gather_all(projector.con, policies.current(projector.con))
            anew = time.perf_counter() - began
            projector.con.execute("COMMIT")
            rows.append((
                f"policy: {what}, {changed:,} of {count:,} verdicts change", f"{seconds:.2f} s", f"{anew:.2f} s",
                f"{anew / seconds:.1f}", "evidence gathered and judged anew",
            ))  # fmt: skip
        held = first(projector.con, "SELECT count(*) FROM verdicts")
        assert held == (count,)
        projector.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*rows, ("  memory of that process", f"{peak:,.0f} MiB", "", "", "folded, judged and judged again")]


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), sys.stdout)

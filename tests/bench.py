"""`make bench`: every stage beside its baseline, in one run; ratios matter, absolutes are as noisy as the machine."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from nats.js import api
from rich.console import Console
from rich.table import Table

from events.codec import encode
from events.facts import Fact
from events.log.log import Log, Message
from events.subjects import EVERYTHING, STREAM
from projections.fold.projector import Projector
from services.runtime.nats_server import EmbeddedServer
from services.state.decoder_pool import READ
from tests.bench_load import OldClass, load, say, texts


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


class Report:
    def __init__(self) -> None:
        self.table = Table("stage", "rooflog", "baseline", "ratio", "what the baseline is", box=None)

    def rate(self, stage: str, ours: float, baseline: float, what: str, unit: str = "/s") -> None:
        self.table.add_row(stage, f"{ours:,.0f}{unit}", f"{baseline:,.0f}{unit}", f"{ours / baseline:.2f}", what)
        Console(stderr=True).print(f"[dim]{stage}: {ours:,.0f}{unit}[/dim]")


def capture_cost(report: Report, scratch: Path, count: int = 50_000) -> None:
    old = OldClass(scratch / "examples.jsonl")
    ours, _ = timed(lambda: [encode(say(n)) for n in range(count)])
    theirs, _ = timed(lambda: [old.capture(*texts(n)) for n in range(count)])  # type: ignore[func-returns-value]
    report.table.add_row("capture: caller's cost", f"{ours / count * 1e6:.1f} µs", f"{theirs / count * 1e6:.1f} µs",
                         f"{ours / theirs:.2f}", "old class: buffer and unsynced JSONL")  # fmt: skip


async def publish_rate(report: Report, log: Log, facts: list[Fact], baseline: int = 2_000) -> None:
    began = time.perf_counter()
    published = await log.publish(facts)
    ours = len(facts) / (time.perf_counter() - began)
    assert len(published.new) == len(facts)
    js = log.client.jetstream()
    await js.add_stream(name="BASELINE", subjects=["baseline.>"])
    data = [encode(fact) for fact in facts[:baseline]]
    began = time.perf_counter()
    for number, one in enumerate(data):
        await js.publish(f"baseline.{number}", one)
    theirs = len(data) / (time.perf_counter() - began)
    await js.delete_stream("BASELINE")
    report.rate("publish, synced, exactly once", ours, theirs, "nats-py, one at a time, same server")


async def read_rate(report: Report, log: Log, count: int) -> list[Message]:
    began = time.perf_counter()
    messages = [message async for batch in log.read(0) for message in batch]
    ours = len(messages) / (time.perf_counter() - began)
    unacknowledged = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE)
    subscription = await log.client.jetstream().pull_subscribe(EVERYTHING, stream=STREAM, config=unacknowledged)
    began, got = time.perf_counter(), 0
    while got < min(count, 20_000):
        got += len(await subscription.fetch(1000))
    theirs = got / (time.perf_counter() - began)
    await subscription.unsubscribe()
    report.rate("read the log in order", ours, theirs, "nats-py, pull fetch of 1,000")
    return messages


def projection_rates(report: Report, messages: list[Message], scratch: Path) -> None:
    def fold(size: int, path: Path) -> float:
        projector = Projector(path)
        seconds, _ = timed(lambda: [projector.apply(messages[n : n + size]) for n in range(0, len(messages), size)])
        projector.close()
        return len(messages) / seconds

    plain = duckdb.connect(str(scratch / "plain.duckdb"))
    plain.execute("CREATE TABLE facts (seq BIGINT, data VARCHAR)")
    sample = messages[:1000]
    one_by_one, _ = timed(
        lambda: [plain.execute("INSERT INTO facts VALUES (?, ?)", [m.seq, m.data.decode()]) for m in sample]
    )
    plain.close()
    baseline = len(sample) / one_by_one
    report.rate("projection, batches of 1,000", fold(1_000, scratch / "live.duckdb"), baseline,
                "DuckDB, one insert per fact, folding nothing")  # fmt: skip
    report.rate("projection, batches of 20,000", fold(READ, scratch / "bulk.duckdb"), baseline, "the same")


def export_rate(report: Report, scratch: Path, count: int) -> None:
    command = [sys.executable, "-m", "tests.bench_exports", str(count)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    ours, peak = float(said[0]), int(said[1])
    store = scratch / "old.jsonl"
    store.write_text("".join(json.dumps(dict(zip(("prompt", "response"), texts(n), strict=True))) + "\n"
                             for n in range(min(count, 400_000))))  # fmt: skip

    def script() -> int:
        seen: set[str] = set()
        kept = 0
        with store.open() as lines, (scratch / "old_export.jsonl").open("w") as out:
            for number, line in enumerate(lines):
                example = json.loads(line)
                text = (example["prompt"] + example["response"]).lower()
                score = sum(term in text for term in ("roof", "membrane", "tpo", "epdm", "flashing", "drain", "curb"))
                if number % 4 or score < 1 or example["prompt"].lower() in seen:
                    continue
                seen.add(example["prompt"].lower())
                out.write(json.dumps(example | {"system": "You are an expert."}) + "\n")
                kept += 1
        return kept

    seconds, kept = timed(script)
    what = f"plain Python: read JSONL, filter, dedup, write one format; ours peaks at {peak:,} MiB"
    report.rate(f"export of {count:,} rows, all formats", ours, kept / seconds, what)


def rows(module: str, count: int) -> list[list[str]]:
    """Rows that are measured in a process of its own."""
    command = [sys.executable, "-m", f"tests.{module}", str(count)]
    said: list[list[str]] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return said


def text_rows(count: int) -> list[list[str]]:
    """The rows of the text judgements, measured in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_texts", str(count)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split(" | ") for line in said.splitlines()]


async def main(count: int) -> None:
    report = Report()
    with tempfile.TemporaryDirectory() as name, EmbeddedServer(Path(name)) as server:
        scratch = Path(name)
        capture_cost(report, scratch)
        log = await Log.connect(server.access())
        await publish_rate(report, log, load(count))
        messages = await read_rate(report, log, count)
        projection_rates(report, messages, scratch)
        del messages
        await log.close()
        export_rate(report, scratch, 10 * count)
    for row in rows("bench_rebuild", count) + rows("bench_client", count) + rows("bench_web", count // 10):
        report.table.add_row(*row)
    for row in rows("bench_policy", 10 * count):
        report.table.add_row(*row)
    for row in text_rows(10 * count):
        report.table.add_row(*row)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.table.add_row("peak memory of this process", f"{peak:,.0f} MiB", "", "", f"{count:,} facts")
    Console(width=140).print(report.table)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))

"""What every export format promises, on the export of one story that has rows for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import Struct

from events.log.log import Log
from projections.queries import training_set
from projections.queries.exported_turns import TURN
from projections.store import database
from services.exporter import publication, writer
from services.exporter.formats import FORMATS, MASKS, Format
from services.exporter.manifest import Manifest
from services.exporter.provenance import Provenance
from services.exporter.rows import SPLITS, Rows, by_split
from services.runtime.nats_server import EmbeddedServer
from services.state.client import State
from services.state.owner import Owner
from services.volume.local import LocalVolume

from ..conftest import ANSWER, address, capture
from .test_exporter import corrected, export, feedback, liked

NASTY = 'Roof "membrane"\n\\ \x01 \x7f \u2028 — é 🏗️ TPO, </script> and a tab\t at the flashing of the curb, 5 °'

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

_LOAD = """
import json, sys
from datasets import load_dataset
home, cache, *names = sys.argv[1:]
read = {name: load_dataset(home, name, cache_dir=cache) for name in names}
print(json.dumps({name: {split: rows.to_list() for split, rows in splits.items()} for name, splits in read.items()}))
"""


class Exported(Struct):
    """The export of the story: its directory, and what is known about it."""

    home: Path
    manifest: Manifest
    again: Path
    """The same export, written from other cuts of the rows."""
    loaded: dict[str, dict[str, list[dict[str, Any]]]]
    """What `datasets` reads, by format and split."""
    origins: dict[str, dict[str, Any]]
    """What the lineage tells about every line of every file."""
    prompts: dict[str, set[str]]
    """What was asked in the facts about each example."""
    asked: dict[int, str]
    """What was asked, by the sequence of the fact."""

    def lines(self, format_: Format, split: str) -> list[bytes]:
        """The lines of a file, without their ends."""
        return (self.home / f"{format_.paths[split]}.jsonl").read_bytes().split(b"\n")[:-1]


async def story(log: Log) -> None:
    """Answers that were liked, answers that were disliked, corrections of both, and texts that are hard to write.

    Then conversations, in which some answers were corrected and some disliked.
    """
    await liked(log, 26)
    wrong = {f"e{n}": (f"How do we flash roof curb {n} with TPO?", f"{n}: {ANSWER}") for n in range(10)}
    await log.publish([corrected(example_id, *texts) for example_id, texts in wrong.items()])
    await log.publish([feedback(f"e{n}", "negative") for n in range(5, 20)])
    await log.publish([capture(f"TPO roof? {NASTY}", f"{NASTY} {ANSWER}", example_id="n"), feedback("n")])
    await log.publish([corrected("n", f"TPO roof? {NASTY}", f"{NASTY} {ANSWER}", f"{ANSWER} {NASTY}")])
    await log.publish([fact for n in range(24) for fact in _conversation(n)])


def _conversation(n: int) -> list[Any]:
    """Three turns about one roof, under a system text of their own."""
    questions = [f"Is roof {n} a TPO membrane roof?", f"How high is its base flashing, {NASTY}?", "And at the curbs?"]
    facts: list[Any] = []
    for turn, question in enumerate(questions):
        more = {"follows": f"t{n}-{turn - 1}"} if turn else {"system": f"You know roof {n}. {NASTY}"}
        answer = f"Roof {n}, answer {turn}: {ANSWER}"
        facts += [capture(question, answer, example_id=f"t{n}-{turn}", conversation=f"t{n}", **more)]
        facts += [feedback(f"t{n}-{turn}", "negative" if turn == 2 and n % 3 == 0 else "positive")]
        if turn == n % 3 and n % 2:
            facts += [corrected(f"t{n}-{turn}", question, answer, f"Roof {n}, better: {ANSWER}")]
    return facts


async def _exported(url: str, directory: Path) -> Exported:
    log = await Log.connect(url)
    await story(log)
    prompts: dict[str, set[str]] = {}
    questions: dict[int, str] = {}
    async for messages in log.read(0):
        for message in messages:
            fact: Any = message.fact()
            asked = getattr(fact, "original_prompt", None) or getattr(fact, "prompt", None)
            questions |= {message.seq: asked} if asked else {}
            for example_id in (fact.event_id, fact.example_id):
                prompts.setdefault(example_id, set()).update([asked] if asked else [])
    answer = await export(log, directory)
    home = Path(answer["export_path"])
    owner = Owner(directory / "rooflog.duckdb")
    state = State(log, owner, None)
    volume = LocalVolume(directory / "volume")
    manifest = await publication.manifest_of(volume, answer["export_digest"])
    assert manifest is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_set, "PAGE", 7)
        async with state.training_set() as (head, batches):
            await writer.write(directory / "again", head, batches)
    provenance = await Provenance.of(state, volume)
    origins = {}
    for path in sorted((home / "data").rglob("*.jsonl")):
        for number in range(1, len(path.read_bytes().split(b"\n"))):
            row = f"{path.relative_to(home)}:{number}"
            origins[row] = await provenance.of_anything(row, 1)
    owner.close()
    await log.close()
    return Exported(home, manifest, directory / "again", _load(home, directory / "cache"), origins, prompts, questions)


def _load(home: Path, cache: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    names = [format_.name for format_ in FORMATS]
    done = subprocess.run([sys.executable, "-c", _LOAD, str(home), str(cache), *names], env=os.environ | OFFLINE,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-4_000:]
    loaded: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(done.stdout)
    return loaded


def some_rows(**more: Any) -> Rows:
    """Two rows that are for every use, as a format gets them."""
    texts = {"prompt": ["p", "q"], "response": ["r", "s"], "rejected": ["w", "x"]}
    page = pa.table({"side": ["train"] * 2} | {mask: [True] * 2 for mask in MASKS} | texts | more)
    with contextlib.closing(database.connect(None)) as con:
        return by_split(page, "system", con)["train"]


def texts_of(value: Any) -> set[str]:
    """Every text in a row."""
    if isinstance(value, dict):
        return set().union(*map(texts_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(texts_of, value))
    return {value} if isinstance(value, str) else set()


class ExportContract:
    """The suite; a subclass says with a fixture `format_` whom it is played on."""

    @pytest.fixture(scope="class")
    @classmethod
    def exported(cls, tmp_path_factory: pytest.TempPathFactory) -> Exported:
        for format_ in FORMATS:
            format_.table(some_rows())
        directory = tmp_path_factory.mktemp("exported")
        with EmbeddedServer(directory) as server:
            return asyncio.run(_exported(address(server), directory))

    def test_it_gives_the_columns_of_its_schema(self, format_: Format) -> None:
        turns = pa.array([[{"prompt": "a", "response": "b"}], []], pa.list_(TURN))
        for some in (some_rows(), some_rows(turns=turns, system=["c", None])):
            table = format_.table(some)
            assert table.select(format_.schema.names).cast(format_.schema).num_rows == table.num_rows > 0

    def test_the_story_has_rows_for_it(self, exported: Exported, format_: Format) -> None:
        for split in SPLITS:
            if not exported.lines(format_, split):
                pytest.fail(f"no row of {split} is one of the format {format_.name!r}: add facts to {__name__}.story")

    def test_lines_have_the_keys_of_the_schema(self, exported: Exported, format_: Format) -> None:
        for split in SPLITS:
            for line in exported.lines(format_, split):
                assert list(json.loads(line)) == format_.schema.names

    def test_json_lines_and_parquet_hold_the_same_rows(self, exported: Exported, format_: Format) -> None:
        for split, path in format_.paths.items():
            table = pq.read_table(exported.home / f"{path}.parquet")
            assert table.schema.equals(format_.schema)
            assert table.to_pylist() == [json.loads(line) for line in exported.lines(format_, split)]

    def test_other_cuts_of_the_rows_give_the_same_bytes(self, exported: Exported, format_: Format) -> None:
        for path in format_.paths.values():
            for end in ("jsonl", "parquet"):
                assert (exported.again / f"{path}.{end}").read_bytes() == (exported.home / f"{path}.{end}").read_bytes()

    def test_the_manifest_counts_its_rows(self, exported: Exported, format_: Format) -> None:
        rows = {split: len(exported.lines(format_, split)) for split in SPLITS}
        assert exported.manifest.counts[format_.name] == rows
        for split, path in format_.paths.items():
            for end in ("jsonl", "parquet"):
                assert exported.manifest.files[f"{path}.{end}"].rows == rows[split]

    def test_datasets_loads_it(self, exported: Exported, format_: Format) -> None:
        rows = {split: [json.loads(line) for line in exported.lines(format_, split)] for split in SPLITS}
        assert exported.loaded[format_.name] == rows

    def test_the_card_tells_what_it_holds(self, exported: Exported, format_: Format) -> None:
        counts = exported.manifest.counts[format_.name]
        line = f"| `{format_.name}` | {counts['train']} | {counts['eval']} | {format_.title} |"
        assert line in (exported.home / "README.md").read_text("utf-8")

    def test_lineage_leads_from_every_line_and_back(self, exported: Exported, format_: Format) -> None:
        for split, path in format_.paths.items():
            for number, line in enumerate(exported.lines(format_, split), 1):
                row = f"{path}.jsonl:{number}"
                origin = exported.origins[row]
                assert row in origin["lines"]
                assert row in origin["exports"][0]["lines"]
                texts = "\n".join(texts_of(json.loads(line)))
                assert any(prompt in texts for prompt in exported.prompts[origin["example_id"]]), row

    def test_a_follow_up_has_the_turns_before_it(self, exported: Exported, format_: Format) -> None:
        lengths = set()
        for split, path in format_.paths.items():
            for number, line in enumerate(exported.lines(format_, split), 1):
                context = exported.origins[f"{path}.jsonl:{number}"]["context"]
                texts = "\n".join(texts_of(json.loads(line)))
                assert all(exported.asked[seq] in texts for seq in context)
                lengths.add(len(context))
        assert {0, 1, 2} <= lengths

    def test_lines_are_in_the_order_of_the_log(self, exported: Exported, format_: Format) -> None:
        for split, path in format_.paths.items():
            count = len(exported.lines(format_, split))
            seqs = [exported.origins[f"{path}.jsonl:{number}"]["seq"] for number in range(1, count + 1)]
            assert seqs == sorted(seqs)

    def test_no_example_is_on_both_sides(self, exported: Exported, format_: Format) -> None:
        train, held_out = (
            {origin["example_id"] for row, origin in exported.origins.items() if row.startswith(f"{path}.jsonl:")}
            for path in format_.paths.values()
        )
        assert train
        assert held_out
        assert train & held_out == set()

    def test_hard_texts_are_written_as_they_are(self, exported: Exported, format_: Format) -> None:
        lines = [json.loads(line) for split in SPLITS for line in exported.lines(format_, split)]
        assert f"TPO roof? {NASTY}" in set().union(*map(texts_of, lines))

    def test_it_says_what_trainers_call_it(self, format_: Format) -> None:
        assert format_.title.strip()
        assert format_.trainers.strip()

"""Commands about texts: analyze without a server, redact an example."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from events.errors import InputError, StaleRevision
from events.facts import CorrectionRecorded, ExampleCaptured

from ..imports import FORMATS
from ..imports.importer import parsed
from ..imports.lines import read
from ..imports.report import Report
from ..imports.sources import Source, listed
from .command import Outcome, Session, actor_option, command, plain, policy_file

if TYPE_CHECKING:
    from projections.texts.text_filters import Text

    from ..curation.redactions import Chosen

LINES = 20_000
"""Lines judged at a time, so that a file of any size fits into memory."""


@command("analyze", example="rooflog analyze questions.jsonl > judged.jsonl")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--policy", "policy_path", type=click.Path(path_type=Path), help="A policy in TOML; the shipped one.")
async def analyze(session: Session, file: Path, policy_path: Path | None) -> Outcome:
    """Judge texts without a server: JSON lines with `prompt` and optionally `response` in, one judgement a line out.

    A file may be what `rooflog import` reads, in any of its formats: then each answer is judged. Each line out has
    relevance, score, terms (the words that matched), tags, personal_data, flags (guesses for a reviewer) and the
    verdict of the filters. With --json the lines are one JSON array.
    """
    from projections.policy import policy
    from projections.store.database import errors_told
    from projections.texts.text_filters import judge_texts

    adopted = policy_file(policy_path) if policy_path else policy.default()
    lines = read_texts(file)
    everything: list[Any] = []
    for start in range(0, len(lines), LINES):
        with errors_told():
            judged = judge_texts(lines[start : start + LINES], adopted)
        if session.as_json:
            everything += judged
        else:
            sys.stdout.buffer.write(msgspec.json.Encoder().encode_lines(judged))
    sys.stdout.buffer.flush()
    return Outcome(everything)


def read_texts(file: Path) -> list[Text]:
    """The texts of a file: of lines with a prompt, or of the examples that an import of it would bring.

    Which of them follows from its first line. Raises InputError that names the first bad line.
    """
    report = Report()
    with listed([file], report) as sources:
        first = next(read(sources, Report()), None)
        if first is None or _is_text(first.data):
            texts = list(_given(sources, report))
        else:
            texts = list(_imported(sources, report))
    for problem in report.problems:
        reason = f"{problem.file}:{problem.line}: {problem.reason}; every line is a JSON object with a prompt"
        raise InputError(f"{reason}, or of a format that can be imported")
    return texts


def _is_text(data: dict[str, Any]) -> bool:
    """Whether a line is a text to judge, and no line of an import."""
    if isinstance(data.get("prompt"), str) and data.keys() <= {"prompt", "response"}:
        return isinstance(data.get("response"), str | None)
    return not any(format_.recognises(data) for format_ in FORMATS)


def _given(sources: list[Source], report: Report) -> Iterator[Text]:
    from projections.texts.text_filters import Text

    for line in read(sources, report):
        if report.problems:
            return
        try:
            yield msgspec.convert(line.data, Text)
        except msgspec.ValidationError as error:
            report.problems.append(line.problem(str(error)))


def _imported(sources: list[Source], report: Report) -> Iterator[Text]:
    """The answers of what an import would bring, each once."""
    from projections.texts.text_filters import Text

    seen: set[str] = set()
    for record in parsed(sources, report):
        if report.problems:
            return
        for fact in record.parts if record else ():
            if isinstance(fact, ExampleCaptured | CorrectionRecorded) and fact.event_id not in seen:
                seen.add(fact.event_id)
                if isinstance(fact, CorrectionRecorded):
                    yield Text(fact.original_prompt, fact.corrected_response)
                else:
                    yield Text(fact.prompt, fact.response)


@command("duplicates", example="rooflog duplicates questions.jsonl > links.jsonl")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
async def duplicates(session: Session, file: Path) -> Outcome:
    """Find near-duplicates without a server: JSON lines with `prompt` in, for each its link out.

    A file may be what `rooflog import` reads, in any of its formats: then each answer's prompt has a link.
    `duplicate_of` is the number of the earliest prompt that says the same, counted from 0, or null; prompts that differ
    in one fact (a number, a product, minimum or maximum) are not linked. With --json it is one JSON array.
    """
    from projections.store.database import errors_told
    from projections.texts.near_duplicates import cluster  # learns its vocabulary for a third of a second

    with errors_told():
        links = cluster([text.prompt for text in read_texts(file)])
    rows = [{"duplicate_of": representative, "similarity": round(near, 4)} for representative, near in links]
    if not session.as_json:
        sys.stdout.buffer.write(msgspec.json.Encoder().encode_lines(rows))
        sys.stdout.buffer.flush()
    return Outcome(rows)


@command("redact", example="rooflog redact train_20250115_143000_1a2b3c4d --span response:10-24 --as name --apply")
@click.argument("example_id")
@click.option("--span", "spans", multiple=True, metavar="FIELD:START-END", help="Characters to replace; repeatable.")
@click.option("--as", "names", multiple=True, help="What stands for them; once, or for each span.  [default: name]")
@click.option("--apply", "is_applied", is_flag=True, help="Say it: without this the proposal is only shown.")
@click.option("--revision", type=click.IntRange(min=0), help="The revision you saw; refused if it is stale.")
@actor_option
async def redact(
    session: Session,
    example_id: str,
    spans: tuple[str, ...],
    names: tuple[str, ...],
    is_applied: bool,
    revision: int | None,
) -> Outcome:
    """Replace personal data in every text of an example by placeholders such as [EMAIL].

    Without --span that is what the rules are certain of; names and addresses are yours to judge. `rooflog show` tells
    the field and the characters of each find.
    """
    from ..curation import redactions
    from ..curation.facts import find

    wanted = _chosen(spans, names)
    async with session.state() as (log, state):
        example = await find(state, example_id)
        if revision is not None and revision != example["revision"] and spans:
            raise StaleRevision(example["example_id"], revision, "its characters may have moved")
        proposal = redactions.chosen(example, wanted) if wanted else redactions.proposal(example)
        spots = msgspec.to_builtins(proposal.replaced if wanted else proposal.spans)
        value = {"status": "proposed", "example_id": example["example_id"], "found": spots} | proposal.texts
        if not proposal.replaced:
            return Outcome(value | {"status": "nothing_found"}, "nothing to redact")
        if is_applied:
            fact = redactions.redaction(example, proposal, actor=session.settings.who)
            seen = example["revision"] if revision is None else revision
            value |= {"status": "redacted", "seq": await log.decide(fact, revision=seen)}
    kinds = ", ".join(f"{span['kind']} in {span['field']}" for span in spots)
    lines = [f"found: {kinds}", *(f"\n[bold]{name}[/bold]\n{plain(text)}" for name, text in proposal.texts.items())]
    lines.append("\nredacted" if is_applied else "\nthis is a proposal; say it with --apply")
    return Outcome(value, "\n".join(lines))


def _chosen(spans: tuple[str, ...], names: tuple[str, ...]) -> list[Chosen]:
    """The spans that options give, each with what stands for it. Raises InputError."""
    from ..curation.redactions import Chosen

    if names and not spans:
        raise InputError("--as names what replaces a --span; give one")
    if len(names) not in (0, 1, len(spans)):
        raise InputError(f"{len(spans)} --span have {len(names)} --as; give one for all, or one for each")
    every = names if len(names) == len(spans) else (names or ("name",)) * len(spans)
    return [Chosen.parse(span, name) for span, name in zip(spans, every, strict=True)]

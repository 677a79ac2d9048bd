"""Commands for reviewers: queue, show, approve, reject, edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from events.errors import InputError
from events.facts import Decision, ExampleApproved, ExampleRejected
from projections.verdicts.reasons import CAUSES, QUEUE, SIGNS

from ..curation import decisions
from ..curation.facts import Example, find
from ..curation.redactions import texts_of
from .bulk import decide_all, decided, dry_run_option, filters, in_bulk, plain_option, where_option
from .command import (
    Outcome,
    Session,
    actor_option,
    as_of_option,
    command,
    plain,
    policy_option,
    text_argument,
)

D = TypeVar("D", bound=Decision)

SHOWN = 90
"""Characters of a prompt in a list."""


@command("queue", example="rooflog queue --why correction --limit 10")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many to show.")
@click.option("--tag", help="Only examples with this tag.")
@click.option("--source", help="Only examples from this source.")
@click.option("--why", type=click.Choice([*QUEUE.values()]), help="Only examples that wait for this reason.")
@click.option("--sign", type=click.Choice([sign.name for sign in SIGNS]), help="Only examples with this sign.")
@click.option("--since", metavar="DAY", help="Only what was said on this day (YYYY-MM-DD, UTC) or later.")
@click.option("--until", metavar="DAY", help="Only what was said on this day (YYYY-MM-DD, UTC) or earlier.")
@click.option("--sort", type=click.Choice(["newest", "oldest", "longest"]), help="Instead of the most urgent first.")
@click.option("--after", help="Go on: the `after` of the page, with --json.")
@as_of_option
@policy_option
async def queue(session: Session, as_of: str | None, policy: Path | None, **options: Any) -> Outcome:
    """List what waits for review, most urgent first, with the reason for its place."""
    async with session.looking(as_of, policy) as (_, state):
        answer = await state.ask("queue", **options)
    from rich.table import Table

    table = Table("id", "why, and what was asked", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    table.columns[1].overflow = "fold"
    for item in answer["items"]:
        prompt = " ".join(item["prompt"].split())
        shown = prompt if len(prompt) <= SHOWN else prompt[: SHOWN - 1] + "…"
        table.add_row(plain(item["example_id"]), f"{plain('; '.join(item['because']))}\n[dim]{plain(shown)}[/dim]")
    summary = ", ".join(f"{name} {count}" for name, count in answer["by_reason"].items() if count)
    return Outcome(answer, f"{answer['total']} waiting ({summary or 'nothing'})", renderables=(table,))


@command("show", example="rooflog show train_20250115_143000_1a2b3c4d")
@click.argument("example_id")
@as_of_option
@policy_option
async def show(session: Session, example_id: str, as_of: str | None, policy: Path | None) -> Outcome:
    """Show an example and its verdict: is it trained on, and if not, every reason why."""
    async with session.looking(as_of, policy) as (_, state):
        example = await find(state, example_id)
    verdict = example["verdict"]
    lines = [f"[bold]{plain(example['example_id'])}[/bold] · {plain(example['source'])} · {example['occurred_at']}"]
    if "alias" in example:
        lines.append(f"[dim]{plain(example['alias'])} is a copy of this correction: the same fact[/dim]")
    lines += [line for turn in example["earlier"] for line in _earlier(turn)]
    lines.append(
        f"\n[bold]Prompt[/bold]\n{plain(example['prompt'])}\n\n[bold]Response[/bold]\n{plain(example['response'])}"
    )
    if example["kind"] == "correction":
        lines.append(f"\n[bold]Instead of[/bold]\n{plain(example['original_response'])}")
        if example["correction_reason"]:
            lines.append(f"[dim]because: {plain(example['correction_reason'])}[/dim]")
    facts = {
        **_turn(example),
        "incomplete": "; ".join(cause.words for cause in CAUSES if cause.name in example["incomplete"]),
        "tags": ", ".join(example["tags"]),
        "project": example["project_context"],
        "relevance": f"{example['relevance']} (score {example['score']})",
        "feedback": example["feedback"],
        "decision": f"{example['decision']} by {example['reviewer']}" if example["decision"] else None,
        "decision reason": example["decision_reason"],
        "personal data": _private(example),
        "contradicts": example["contradicts"],
        "review queue": example["queue"],
        "revision": example["revision"],
    }
    lines.append("")
    lines += [f"[dim]{name}:[/dim] {plain(value)}" for name, value in facts.items() if value not in (None, "")]
    trained = (
        "[green]in the training set[/green]" if verdict["in_training"] else "[yellow]not in the training set[/yellow]"
    )
    why = f": {plain(', '.join(verdict['reasons']))}" if verdict["reasons"] else f" (approved by {example['approval']})"
    lines.append(f"\n{trained}{why}")
    return Outcome(example, "\n".join(lines))


def _earlier(turn: dict[str, Any]) -> list[str]:
    """A turn before the example, as it stands."""
    if turn["is_erased"]:
        return [f"\n[dim]{plain(turn['example_id'])} was erased[/dim]"]
    notes = [f"corrected by {turn['corrected_by']}"] if turn["corrected_by"] else []
    notes += [f"with {attachment['kind']}" for attachment in turn["attachments"]]
    head = f"\n[dim]{plain(', '.join([turn['example_id'], *notes]))}[/dim]"
    return [head, f"[dim]>[/dim] {plain(turn['prompt'])}", f"[dim]<[/dim] {plain(turn['response'])}"]


def _private(example: dict[str, Any]) -> str:
    """Where personal data and guesses stand, as `rooflog redact --span` takes them."""
    texts = texts_of(example)
    places = []
    for span in example["found"]:
        words = texts[span["field"]][span["start"] : span["end"]] if span["field"] in texts else ""
        guess = "?" if span["is_guess"] else ""
        places.append(f"{span['kind']}{guess} in {span['field']}:{span['start']}-{span['end']} {words}".rstrip())
    return "; ".join(places)


def _turn(example: dict[str, Any]) -> dict[str, Any]:
    """What belongs to an example as a turn of a conversation, by what it is called."""
    tools = (
        f"{tool['name']}({tool.get('arguments', '')})" + (f" -> {tool['result']}" if "result" in tool else "")
        for tool in example["tools"]
    )
    attachments = (" ".join(map(str, attachment.values())) for attachment in example["attachments"])
    return {
        "conversation": example["conversation"],
        "follows": example["follows"],
        "system text": example["system"],
        "tools": "; ".join(tools),
        "attachments": "; ".join(attachments),
        "ended by": example["finish_reason"],
        "model": example["model"],
    }


@command("approve", example="rooflog approve --where tag=flashing --plain --dry-run")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--tag", help="As --where tag=TAG: everything in the review queue that carries it.")
@where_option
@plain_option
@dry_run_option
@click.option("--revision", type=click.IntRange(min=0), help="The revision you saw (one ID); refused if it is stale.")
@click.option("--reason", help="Why.")
@actor_option
async def approve(
    session: Session, ids: tuple[str, ...], tag: str | None, revision: int | None, reason: str | None, **many: Any
) -> Outcome:
    """Approve examples for training."""
    who, chosen = session.settings.who, _chosen(ids, tag, revision, **many)
    why = in_bulk(chosen, reason) if chosen else reason

    def approval(example: Example) -> ExampleApproved:
        seen = _seen(example, revision)
        return decisions.approval(
            example["example_id"], actor=who, revision=seen, context=example["context"], reason=why
        )

    if chosen:
        return await decided(session, "approve", "approved", chosen, approval, **_how(many))
    return await _decide(session, "approved", approval, ids)


@command("reject", example='rooflog reject train_20250115_143000_1a2b3c4d --reason "wrong code edition"')
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--tag", help="As --where tag=TAG: everything in the review queue that carries it.")
@where_option
@plain_option
@dry_run_option
@click.option("--reason", required=True, help="Why it must not be trained on.")
@click.option("--revision", type=click.IntRange(min=0), help="The revision you saw (one ID); refused if it is stale.")
@actor_option
async def reject(
    session: Session, ids: tuple[str, ...], tag: str | None, reason: str, revision: int | None, **many: Any
) -> Outcome:
    """Reject examples: they stay out of training until somebody approves them."""
    who, chosen = session.settings.who, _chosen(ids, tag, revision, **many)
    decisions.rejection("", actor=who, revision=0, reason=reason)  # a blank reason is refused before anything is read
    why = in_bulk(chosen, reason) if chosen else reason

    def rejection(example: Example) -> ExampleRejected:
        return decisions.rejection(example["example_id"], actor=who, revision=_seen(example, revision), reason=why)

    if chosen:
        return await decided(session, "reject", "rejected", chosen, rejection, **_how(many))
    return await _decide(session, "rejected", rejection, ids)


def _chosen(
    ids: tuple[str, ...],
    tag: str | None,
    revision: int | None,
    *,
    where: tuple[str, ...],
    is_plain: bool,
    is_preview: bool,
) -> dict[str, str]:
    """The filters, none where examples are named. Raises InputError for what does not go together."""
    chosen = filters((*where, *([f"tag={tag}"] if tag else [])))
    if bool(ids) == bool(chosen):
        raise InputError("give one or more IDs, or --where, or --tag")
    if revision is not None and len(ids) != 1:
        raise InputError("--revision belongs to exactly one ID")
    if ids and (is_plain or is_preview):
        raise InputError("--plain and --dry-run belong to --where and --tag")
    return chosen


def _how(many: dict[str, Any]) -> dict[str, Any]:
    return {name: many[name] for name in ("is_plain", "is_preview")}


async def _decide(session: Session, verb: str, decision: Callable[[Example], D], ids: tuple[str, ...]) -> Outcome:
    """Decide on examples; one that has changed since is refused, the others go on."""
    async with session.state() as (log, state):
        facts = [decision(await find(state, example_id)) for example_id in ids]
        if len(facts) == 1:
            done = [{"example_id": facts[0].example_id, "seq": await log.decide(facts[0], revision=facts[0].revision)}]
            return Outcome({"status": verb, verb: done, "refused": []}, f"{verb} 1")
        revisions = {fact.example_id: fact.revision for fact in facts}
        with session.progress("deciding") as progress:
            done, refused = await decide_all(log, facts, revisions, progress)
    lines = [f"{verb} {len(done):,}"] + [f"[red]{plain(refusal['error'])}[/red]" for refusal in refused]
    return Outcome({"status": verb, verb: done, "refused": refused}, "\n".join(lines), code=1 if refused else 0)


@command("reopen", example="rooflog reopen train_20250115_143000_1a2b3c4d --reason 'the wrong one'")
@click.argument("example_id")
@click.option("--reason", help="Why the decision is taken back.")
@click.option("--revision", type=click.IntRange(min=0), help="The revision you saw; refused if it is stale.")
@actor_option
async def reopen(session: Session, example_id: str, reason: str | None, revision: int | None) -> Outcome:
    """Take a decision back: the example stands undecided again, and waits for review where it did before."""
    async with session.state() as (log, state):
        example = await find(state, example_id)
        if example["decision"] is None:
            raise InputError(f"nobody has decided on {example['example_id']}; there is nothing to take back")
        seen = _seen(example, revision)
        fact = decisions.reopening(example["example_id"], actor=session.settings.who, revision=seen, reason=reason)
        seq = await log.decide(fact, revision=seen)
    return Outcome({"status": "reopened", "example_id": example["example_id"], "seq": seq}, f"reopened, sequence {seq}")


@command(
    "edit", example="rooflog edit train_20250115_143000_1a2b3c4d --response @better.txt --reason 'units were wrong'"
)
@click.argument("example_id")
@click.option("--response", help="The better answer; - reads standard input, @FILE a file.")
@click.option("--prompt", help="The better question, in the same way.")
@click.option("--reason", help="What was wrong.")
@click.option("--revision", type=click.IntRange(min=0), help="The revision you saw; refused if it is stale.")
@actor_option
async def edit(
    session: Session,
    example_id: str,
    response: str | None,
    prompt: str | None,
    reason: str | None,
    revision: int | None,
) -> Outcome:
    """Edit an answer, its question or both, and approve it: a correction and its approval, both or neither."""
    if response is None and prompt is None:
        raise InputError("give --response, --prompt or both")
    better = None if response is None else text_argument(response, "response")
    question = None if prompt is None else text_argument(prompt, "prompt")
    async with session.state() as (log, state):
        example = await find(state, example_id)
        seen = _seen(example, revision)
        correction, approval = decisions.edit(example, better, question, actor=session.settings.who, reason=reason)
        seq = await log.decide(correction, approval, revision=seen)
    value = {
        "status": "edited",
        "example_id": example["example_id"],
        "correction_id": correction.event_id,
        "seq": seq,
    }
    return Outcome(value, f"edited and approved as {correction.event_id}")


def _seen(example: Example, revision: int | None) -> int:
    """The revision that a decision is made on: what the reviewer says, else what they see now."""
    seen: int = example["revision"] if revision is None else revision
    return seen

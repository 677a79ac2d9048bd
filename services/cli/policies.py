"""Commands about the policy: show it, see what another one would change, adopt it, go back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import tomli_w
from rich.table import Table

from events.log.log import Log
from projections.policy.policy import Policy, default, document_digest, from_document, is_earlier_lexicon
from projections.policy.rules import LATEST
from projections.tables.policies import differences, settings
from projections.verdicts.reasons import WORDS

from ..curation import policies as curated
from ..state.client import State
from .command import Outcome, Session, actor_option, command, counted, on_option, plain, policy_file


@click.group("policy")
def policy() -> None:
    """Show and change what is trained on: filters, approval, lexicon, duplicates, exports, trainings."""


file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@command("show", example="rooflog policy show --toml > policy.toml")
@click.option("--toml", "as_toml", is_flag=True, help="The document itself, to be edited and adopted.")
@click.option("--shipped", is_flag=True, help="The policy that holds until another is adopted.")
@click.option("--shipped-lexicon", is_flag=True, help="With the lexicon that this release ships, to preview and adopt.")
async def show(session: Session, as_toml: bool, shipped: bool, shipped_lexicon: bool) -> Outcome:
    """Show the policy that holds, and since when.

    The lexicon is left out of the TOML where it is the shipped one: a document without a lexicon means that one. An
    adopted policy keeps its lexicon when a release ships another; `--shipped-lexicon` takes it over.
    """
    if shipped:
        history: dict[str, Any] = {"current": default().document(), "current_digest": default().digest, "adopted": []}
    else:
        async with session.state() as (_, state):
            history = await state.ask("policies")
    document, adopted = history["current"], next(iter(history["adopted"]), None)
    digest = history["current_digest"]
    if shipped_lexicon:
        document = document | {"lexicon": default().document()["lexicon"]}
        digest = document_digest(document)
    if as_toml:
        text = tomli_w.dumps(_without_shipped_lexicon(document)).rstrip()
        return Outcome({"toml": text, "digest": digest}, plain(text))
    rows = Table("setting", "value", box=None, header_style="bold")
    for section, name, value in settings(document):
        rows.add_row(f"{section}.{name}", plain(_short(value)))
    since = (
        f"adopted by {plain(adopted['actor'])} at {adopted['occurred_at']} (sequence {adopted['seq']})"
        if adopted
        else "the one that rooflog ships"
    )
    shown = from_document(document)
    is_earlier, has_earlier_rules = is_earlier_lexicon(shown.lexicon), shown.rules < LATEST
    value = {
        "digest": digest,
        "policy": document,
        "since": _without_document(adopted),
        "is_earlier_lexicon": is_earlier,
        "is_earlier_rules": has_earlier_rules,
    }
    text = (
        f"policy {digest[:12]}, {since}"
        + f"\n{EARLIER_LEXICON}" * is_earlier
        + f"\n{EARLIER_RULES}" * has_earlier_rules
    )
    return Outcome(value, text, renderables=(rows,))


EARLIER_LEXICON = (
    "its lexicon is that of an earlier release; to preview the one of this release: "
    "`rooflog policy show --toml --shipped-lexicon > policy.toml`, then `rooflog policy preview policy.toml`"
)


EARLIER_RULES = (
    "the rules of an earlier release read its texts; to preview those of this release, write `rules = "
    f"{LATEST}` into the section `[texts]` of a copy of it, then `rooflog policy preview policy.toml`"
)


@command("diff", example="rooflog policy diff policy.toml")
@file_argument
async def diff(session: Session, file: Path) -> Outcome:
    """Show in which settings and lexicon entries a file differs from the policy that holds."""
    candidate = policy_file(file)
    async with session.state() as (_, state):
        current = (await state.ask("policies"))["current"]
    changes = differences(current, candidate.document())
    rows = Table("setting", "now", "in the file", box=None, header_style="bold")
    for change in changes:
        rows.add_row(*map(plain, (change["setting"], _short(change["now"]), _short(change["then"]))))
    text = counted(len(changes), "difference")
    return Outcome({"changes": changes, "digest": candidate.digest}, text, renderables=(rows,) if changes else ())


@command("preview", example="rooflog policy preview policy.toml --output moved.jsonl")
@file_argument
@click.option("--output", type=click.Path(path_type=Path), help="Write every example that would enter or leave here.")
@on_option
async def preview(session: Session, file: Path, output: Path | None, on: str | None) -> Outcome:
    """Say what a policy would change, and change nothing: which examples would enter or leave, and why."""
    candidate = policy_file(file)
    async with session.state() as (_, state):
        answer = await _preview(session, state, candidate, on)
        if output is not None:
            answer["output"] = str(output)
            async with state.rows("moved", policy=candidate.document()) as (_, pages):
                with output.open("wb") as lines:
                    async for page in pages:
                        lines.write(msgspec.json.Encoder().encode_lines(page.to_pylist()))
    return Outcome(answer, _summary(answer), renderables=(_reasons_table(answer),) if answer["reasons"] else ())


@command("adopt", example='rooflog policy adopt policy.toml --reason "shorter answers are fine"')
@file_argument
@click.option("--reason", help="Why; it stays on the log.")
@actor_option
@on_option
async def adopt(session: Session, file: Path, reason: str | None, on: str | None) -> Outcome:
    """Let a policy hold from here on. Readers see the old state until the new one is whole."""
    async with session.state() as (log, state):
        return await _adopt(session, log, state, policy_file(file), reason, on)


@command("history", example="rooflog policy history")
async def history(session: Session) -> Outcome:
    """List every policy that was adopted, the latest first, with what it changed."""
    async with session.state() as (_, state):
        answer = await state.ask("policies")
    documents = curated.documents(answer)
    adoptions = []
    for entry, before in zip(answer["adopted"], documents[1:], strict=True):
        changed = [change["setting"] for change in differences(before, entry["policy"])]
        adoptions.append(_without_document(entry) | {"changed": changed})
    rows = Table("sequence", "when", "who", "digest", "changed", "reason", box=None, header_style="bold")
    for entry in adoptions:
        rows.add_row(str(entry["seq"]), entry["occurred_at"], plain(entry["actor"]), entry["digest"][:12],
                     plain(_short(entry["changed"])), plain(entry["reason"] or ""))  # fmt: skip
    text = f"{len(adoptions)} adopted; before them the shipped policy {answer['shipped_digest'][:12]}"
    return Outcome(
        {"adopted": adoptions, "shipped": answer["shipped_digest"]}, text, renderables=(rows,) if adoptions else ()
    )


@command("revert", example='rooflog policy revert --reason "too strict"')
@click.option("--to", "digest", metavar="DIGEST", help="A policy of the history, by the start of its digest.")
@click.option("--reason", help="Why; it stays on the log.")
@actor_option
@on_option
async def revert(session: Session, digest: str | None, reason: str | None, on: str | None) -> Outcome:
    """Adopt the policy that held before the present one, or an older one; a new fact, nothing is undone."""
    async with session.state() as (log, state):
        candidate = curated.earlier(await state.ask("policies"), digest)
        return await _adopt(session, log, state, candidate, reason, on)


async def _adopt(
    session: Session, log: Log, state: State, candidate: Policy, reason: str | None, on: str | None
) -> Outcome:
    seen = await _preview(session, state, candidate, on)
    if seen["candidate"] == seen["current"]:
        return Outcome({"status": "unchanged"} | seen, "this policy holds already")
    fact = curated.adoption(candidate, actor=session.settings.who, reason=reason)
    seq = await log.adopt(fact, revision=seen["policy_seq"])
    funnel = (await state.ask("stats"))["funnel"]
    value = {"status": "adopted", "seq": seq, "digest": candidate.digest, "enter": seen["enter"],
             "leave": seen["leave"], "reasons": seen["reasons"], "before": seen["before"], "after": funnel}  # fmt: skip
    text = f"adopted as sequence {seq}: {_summary(value | {'not_analysed': 0})}"
    return Outcome(value, text, renderables=(_reasons_table(value),) if value["reasons"] else ())


async def _preview(session: Session, state: State, candidate: Policy, on: str | None) -> dict[str, Any]:
    """What it would change, once every text is analysed as it demands."""
    document = candidate.document()
    with session.progress("analysing") as progress:
        await curated.prepare(await _runs(session, state), document, progress, on)
    answer: dict[str, Any] = await state.ask("preview", policy=document)
    return answer


async def _runs(session: Session, state: State) -> Callable[..., Awaitable[dict[str, Any]]]:
    """What has texts analysed: the projector, or this process."""
    if state.owner is None:
        return state.run
    from ..projector.preparation import Preparations

    await state.ask("status")  # folds what the log holds
    preparations = Preparations(state.owner, asyncio.Lock(), session.settings)
    return lambda _, **args: preparations.prepare(**args)


def _summary(answer: dict[str, Any]) -> str:
    before, after = answer["before"]["unique"], answer["after"]["unique"]
    late = f"; not judged yet: {counted(answer['not_analysed'], 'text')}" if answer["not_analysed"] else ""
    return f"{answer['enter']:,} enter, {answer['leave']:,} leave: {before:,} -> {after:,} in the training set{late}"


def _reasons_table(answer: dict[str, Any]) -> Table:
    rows = Table("", "because of", "examples", box=None, header_style="bold")
    for row in answer["reasons"]:
        words = WORDS[row["reason"]]
        because = f"no longer: {words}" if row["change"] == "enter" else words
        rows.add_row(row["change"], because, f"{row['count']:,}")
    return rows


def _without_shipped_lexicon(document: dict[str, Any]) -> dict[str, Any]:
    is_shipped = from_document(document).lexicon == default().lexicon
    return {section: fields for section, fields in document.items() if section != "lexicon" or not is_shipped}


def _without_document(entry: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (entry or {}).items() if name != "policy"}


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, dict):
        value = ", ".join(f"{name} {_short(field)}" for name, field in value.items() if field not in ((), [], False))
    text = "–" if value is None else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


SHOWN = 80
"""Characters of a value in a table."""

for _command in (show, diff, preview, adopt, history, revert):
    policy.add_command(_command)

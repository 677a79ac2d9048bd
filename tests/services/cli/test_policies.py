"""A policy is changed by a fact on the log, after it was seen what it would change, and nobody sees half of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.errors import StalePolicy
from events.facts import PolicyAdopted
from events.log.log import Log
from events.subjects import new_event_id
from projections.policy.lexicon import Term
from projections.policy.policy import Policy, _released, default
from services.settings import Settings
from services.state.client import open_state, runs

from ..conftest import ANSWER, Cli, capture
from ..forked import Forked

SHORT = "Fasten the TPO membrane at 6 in. on center."


def lenient() -> Policy:
    filters = msgspec.structs.replace(default().filters, min_response_chars=20)
    return msgspec.structs.replace(default(), filters=filters)


def adoption(policy: Policy) -> PolicyAdopted:
    return PolicyAdopted(event_id=new_event_id(), occurred_at=datetime.now(UTC), actor="op",
                         policy=policy.document(), digest=policy.digest)  # fmt: skip


def say_a_day(cli: Cli) -> list[str]:
    return [
        cli.json("capture", "--prompt", f"How is membrane {number} fastened?", "--response", answer, "--source",
                 "verified_calculation")["example_id"]
        for number, answer in enumerate((ANSWER, SHORT))
    ]  # fmt: skip


def test_a_policy_is_shown_changed_previewed_adopted_and_taken_back(cli: Cli, tmp_path: Path) -> None:
    _, short = say_a_day(cli)
    shown = cli.run("policy", "show", "--toml").stdout
    file = tmp_path / "policy.toml"
    file.write_text(shown.replace("min_response_chars = 50", "min_response_chars = 20"), "utf-8")
    differences = cli.json("policy", "diff", file)["changes"]
    assert differences == [{"setting": "filters.min_response_chars", "now": 50, "then": 20}]

    before = cli.json("stats")["funnel"]
    seen = cli.json("policy", "preview", file, "--output", tmp_path / "moved.jsonl")
    assert (seen["enter"], seen["leave"]) == (1, 0)
    moved = [msgspec.json.decode(line) for line in (tmp_path / "moved.jsonl").read_text().splitlines()]
    assert [(row["example_id"], row["change"], row["before"]) for row in moved] == [(short, "enter", ["too_short"])]
    assert cli.json("stats")["funnel"] == before

    adopted = cli.json("policy", "adopt", file, "--reason", "short answers are fine", "--actor", "op")
    assert adopted["after"] == cli.json("stats")["funnel"] == seen["after"]
    assert cli.json("policy", "adopt", file)["status"] == "unchanged"
    (entry,) = cli.json("policy", "history")["adopted"]
    assert (entry["actor"], entry["reason"], entry["changed"]) == (
        "op", "short answers are fine", ["filters.min_response_chars"])  # fmt: skip

    assert cli.json("policy", "revert")["status"] == "adopted"
    assert cli.json("stats")["funnel"] == before
    assert cli.json("policy", "revert", "--to", adopted["digest"][:12])["after"] == adopted["after"]
    assert cli.json("policy", "revert", "--to", "0000", code=2)["status"] == "error"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[filters", "not TOML"),
        ("[filters]\nmin_prompt_chars = 'ten'", "min_prompt_chars"),
        ("", "filters"),
        ("[lexicon]\nterms = [{term = 'TPO', weight = 3}]", "TPO"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_by_name(cli: Cli, tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text, "utf-8")
    for command in ("diff", "preview", "adopt"):
        error = cli.json("policy", command, file, code=2)["error"]
        assert str(file) in error
        assert named in error
    assert cli.json("policy", "preview", tmp_path / "none.toml", code=2)["status"] == "error"


async def test_a_policy_is_refused_where_another_was_adopted_meanwhile(log: Log) -> None:
    first = await log.adopt(adoption(lenient()), revision=0)
    with pytest.raises(StalePolicy, match=r"policy adopted by op"):
        await log.adopt(adoption(default()), revision=0)
    again = adoption(default())
    second = await log.adopt(again, revision=first)
    assert await log.adopt(again, revision=first) == second


async def test_the_lexicon_of_a_release_is_taken_over(cli: Cli, log: Log, tmp_path: Path) -> None:
    older = msgspec.structs.replace(lenient(), lexicon=_released()[0].lexicon)
    await log.adopt(adoption(older), revision=0)
    assert "policy show --toml --shipped-lexicon" in cli.run("policy", "show").stdout
    file = tmp_path / "policy.toml"
    file.write_text(cli.run("policy", "show", "--toml", "--shipped-lexicon").stdout, "utf-8")
    assert all(change["setting"].startswith("lexicon.") for change in cli.json("policy", "diff", file)["changes"])
    assert cli.json("policy", "adopt", file)["digest"] == lenient().digest
    assert "policy show --toml --shipped-lexicon" not in cli.run("policy", "show").stdout


FACTS = int(os.environ.get("ROOFLOG_ADOPT_FACTS", "1500"))
"""Examples that are there while policies are adopted."""


def with_word(word: str) -> Policy:
    lexicon = default().lexicon
    return msgspec.structs.replace(
        default(), lexicon=msgspec.structs.replace(lexicon, terms=(*lexicon.terms, Term(term=word, weight=3)))
    )


async def test_readers_see_one_policy_while_another_is_adopted(
    cli: Cli, log: Log, start: Callable[..., Forked]
) -> None:
    """Thresholds and lexicon change under a client that reads on; what it saw is the state before or the one after."""
    answers = (ANSWER, SHORT, "The zorble is fastened as the plan of the wuthering tower says, once a metre.")
    await log.publish(
        capture(f"How is part {n} of membrane {n % 7} fastened?", answers[n % 3], source="verified_calculation")
        for n in range(FACTS)
    )
    start("projector")
    while not await runs(log):
        await asyncio.sleep(0.05)
    async with open_state(Settings(data_dir=cli.data_dir), log) as state:
        seen: list[tuple[dict[str, Any], int]] = []
        done = asyncio.Event()

        async def read() -> None:
            while not done.is_set():
                answer = await state.ask_after(0, "stats", {})
                queue = await state.ask_after(0, "queue", {"limit": 3})
                assert queue["items"] or answer["review_queue"] == 0
                seen.append((answer["funnel"], answer["checkpoint"]))

        reading = asyncio.create_task(read())
        expected = {}
        for policy in (lenient(), with_word("zorble"), default()):
            document = policy.document()
            while (await state.run("prepare", policy=document))["left"]:
                pass
            told = await state.ask("preview", policy=document)
            seq = await log.adopt(adoption(policy), revision=told["policy_seq"])
            assert (await state.ask("stats"))["funnel"] == told["after"]
            expected[seq] = told["after"]
        done.set()
        await reading
    assert all(one != other for one, other in pairwise(expected.values()))
    for funnel, checkpoint in seen:
        adopted = [seq for seq in expected if seq <= checkpoint]
        if adopted:
            assert funnel == expected[max(adopted)]

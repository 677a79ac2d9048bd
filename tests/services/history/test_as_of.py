"""The past: what the state answered at any moment is answered again, under the policy of then or another one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from events.facts import PolicyAdopted
from events.log.log import Log
from events.subjects import new_event_id
from projections.policy.policy import Policy, default, from_document
from services.history.as_of import as_of
from services.settings import Settings
from services.state.client import State
from services.state.owner import Owner

from ..conftest import NOW, Cli
from ..projector.test_rebuild import history, say


def strict() -> Policy:
    plain = default().document()
    return from_document(plain | {"approval": plain["approval"] | {"positive_feedback": False}})


async def asked(state: State, example_id: str) -> list[Any]:
    return [
        await state.ask("stats"),
        await state.ask("queue", limit=50),
        await state.ask("show", example_id=example_id),
        await state.ask("digest"),
    ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_it_answers_as_the_live_state_did(log: Log, tmp_path: Path, seed: int) -> None:
    facts = history(120, seed)
    rng = random.Random(seed)
    owner = Owner(tmp_path / "rooflog.duckdb")
    live = State(log, owner, None)
    then: dict[int, list[Any]] = {}
    while facts:
        size = rng.randrange(1, 30)
        await log.publish(facts[:size])
        facts = facts[size:]
        then[await log.last_sequence()] = await asked(live, "e1")
    settings = Settings(data_dir=tmp_path)
    for seq, answers in then.items():
        for given in (None, live):
            async with as_of(settings, log, seq, live=given) as state:
                assert await asked(state, "e1") == answers
    assert not list(tmp_path.glob("past.*"))
    owner.close()


async def test_another_policy_answers_as_if_it_were_adopted(log: Log, tmp_path: Path) -> None:
    await say(log, 120)
    settings, policy = Settings(data_dir=tmp_path), strict()
    owner = Owner(tmp_path / "rooflog.duckdb")
    live = State(log, owner, None)
    before = await live.ask("stats")
    async with as_of(settings, log, 123, policy=policy, live=live) as state:
        supposed = await state.ask("stats")
    assert await live.ask("stats") == before
    adopted = PolicyAdopted(
        event_id=new_event_id(), occurred_at=NOW, actor="op", policy=policy.document(), digest=policy.digest
    )
    await log.publish([adopted])
    assert supposed == await live.ask("stats") | {"checkpoint": 123} != before
    owner.close()


async def test_commands_look_back_and_change_nothing(cli: Cli, log: Log, tmp_path: Path) -> None:
    await say(log, 60)
    (tmp_path / "strict.toml").write_text(tomli_w.dumps(strict().document()))
    assert cli.json("stats", "--as-of", "30")["checkpoint"] == 30
    assert cli.json("queue", "--as-of", "30", "--policy", tmp_path / "strict.toml")["checkpoint"] == 30
    refused = cli.json("stats", "--as-of", "64", code=2)
    assert refused["error"] == "--as-of: the log ends at sequence 63, there is no 64 yet"
    assert "--volume-dir" in cli.json("export", "--as-of", "30", code=2)["error"]
    apart = tmp_path / "apart"
    answer = cli.json("export", "--as-of", "62", "--volume-dir", apart, "--min-examples", "1")
    assert answer["last_seq"] == 62
    lines = (apart / "training_conversations.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == answer["counts"]["sft"]["train"] > 0
    assert await log.last_sequence() == 63
    assert not (tmp_path / "volume").exists()
    assert not list(tmp_path.glob("past.*"))


async def test_leftovers_of_a_killed_process_are_removed(log: Log, tmp_path: Path) -> None:
    await say(log, 10)
    left = tmp_path / "past.abandoned"
    left.mkdir()
    async with as_of(Settings(data_dir=tmp_path), log, 5):
        assert not left.exists()

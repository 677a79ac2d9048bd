"""The command line as people and scripts meet it, in a process of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from services.cli import main
from services.runtime.nats_server import _started

from ..conftest import ANSWER, Cli

STORE = Path(__file__).parents[1] / "imports" / "store"


def test_the_old_store_becomes_the_five_lines_that_deserve_it(cli: Cli) -> None:
    report = cli.json("import", STORE, code=1)
    assert [problem["line"] for problem in report["problems"]] == [12]
    answer = cli.json("export", "--min-examples", "1")
    home = Path(answer["export_path"], "data", "sft")
    texts = [(home / f"{split}.jsonl").read_text() for split in ("train", "eval")]
    assert Path(answer["output_path"]).read_text() == texts[0]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    starts = sorted(line["response"][:22] for line in lines)
    assert starts == sorted(
        ["Per IBC and most manuf", "TPO seams require mini", "12,400 SF of roof plus", "Use a prefabricated be",
         "RFI #[XXX]\nProject: [N"]
    )  # fmt: skip
    reasons = {
        "train_20250115_144107_8b18f237": ["too_short", "superseded_by correction_20250115_001", "not_approved"],
        "train_20250115_155230_2f6acec8": ["not_approved"],
        "train_20250115_161145_665ff6b0": ["low_relevance", "not_approved"],
        "train_20250115_162002_d7fc4bb6": ["too_short", "low_relevance", "not_approved"],
        "train_20250115_162440_b341f5b5": ["personal_data", "not_approved"],
        "train_20250115_163019_9c48e226": ["too_short", "excluded_source", "not_approved"],
    }
    for example_id, expected in reasons.items():
        assert cli.json("show", example_id)["verdict"] == {"in_training": False, "reasons": expected}
    copy = cli.json("show", "train_20250115_154500_50c60e43")
    assert (copy["example_id"], copy["verdict"]["in_training"]) == ("correction_20250115_001", True)
    digest = cli.json("status", "--digest")["content_digest"]
    cli.run("import", STORE, code=1)
    assert cli.json("status", "--digest")["content_digest"] == digest


def test_a_day_at_the_command_line(cli: Cli) -> None:
    first = cli.run(
        "capture", "--prompt", "Minimum slope for TPO?", "--response", ANSWER, "--tag", "tpo"
    ).stdout.strip()
    assert re.fullmatch(r"train_\d{8}_\d{6}_[0-9a-f]{16}", first)
    second = cli.json("capture", "--prompt", "-", "--response", ANSWER, "--document-type", "rfi", "--used",
                      stdin="Write an RFI about the roof drain sump")["example_id"]  # fmt: skip
    assert cli.json("show", second)["approval"] == "use"
    assert cli.json("feedback", first, "negative", "--comment", "which code?")["request_correction"] is True
    assert cli.json("queue", "--why", "negative_feedback")["items"][0]["example_id"] == first
    correction = cli.json("correct", "--example", first, "--corrected", ANSWER + " See IBC 1507.")["correction_id"]
    assert cli.json("show", first)["verdict"]["reasons"][0] == f"superseded_by {correction}"
    assert [item["example_id"] for item in cli.json("queue", "--why", "correction")["items"]] == [correction]
    assert cli.json("queue", "--until", "2020-01-01")["items"] == []
    oldest = cli.json("queue", "--since", "2020-01-01", "--sort", "oldest")["items"]
    assert [item["example_id"] for item in oldest][-1] == correction
    assert cli.json("approve", "--tag", "tpo")["approved"][0]["example_id"] == correction
    edited = cli.json("edit", second, "--response", ANSWER + " Attach the marked detail.", "--reason", "incomplete")
    assert cli.json("show", edited["correction_id"])["approval"] == "reviewer"
    assert cli.json("reject", edited["correction_id"], "--reason", "not this either")["status"] == "rejected"
    assert cli.json("show", edited["correction_id"])["verdict"]["reasons"] == ["rejected"]
    told = cli.run("history", first).stdout
    assert "tester gave negative feedback: which code?" in told
    assert f"corrected by tester as {correction}" in told
    assert cli.json("stats")["funnel"]["unique"] == 1
    assert cli.json("export", code=1)["status"] == "insufficient_data"


def test_a_second_decision_on_a_revision_names_the_first(cli: Cli) -> None:
    example = cli.run("capture", "--prompt", "Minimum slope for TPO?", "--response", ANSWER).stdout.strip()
    revision = str(cli.json("show", example)["revision"])
    cli.run("approve", example, "--revision", revision, "--actor", "ann")
    refused = cli.json("reject", example, "--revision", revision, "--reason", "no", code=1)
    assert refused["kind"] == "StaleRevision"
    assert "approved by ann at " in refused["since"]
    assert cli.json("show", example)["decision"] == "approved"


def test_a_decision_that_is_taken_back_leaves_the_example_undecided(cli: Cli) -> None:
    example = cli.run("capture", "--prompt", "Minimum slope for TPO?", "--response", ANSWER).stdout.strip()
    assert "nobody has decided" in cli.run("reopen", example, code=2).stderr
    cli.run("approve", example)
    assert cli.json("reopen", example, "--reason", "the wrong one")["status"] == "reopened"
    assert cli.json("show", example)["decision"] is None
    assert [item["example_id"] for item in cli.json("queue")["items"]] == [example]
    assert "the wrong one" in cli.run("history", example).stdout


def test_a_turn_of_a_conversation_is_captured_and_shown(cli: Cli) -> None:
    turn = [
        "--conversation", "thread 7", "--follows", "before", "--system", "You are a roofer.", "--model", "gpt-4o-mini",
        "--tool", '{"name": "find", "arguments": {"a": 1}, "result": "figure 4-8"}', "--tool", '{"name": "look"}',
        "--attachment", "image=https://example.com/roof.jpg", "--finish-reason", "stop",
    ]  # fmt: skip
    example = cli.run("capture", "--prompt", "And for EPDM?", "--response", ANSWER, *turn).stdout.strip()
    shown = cli.run("show", example).stdout
    for line in (
        "conversation: thread 7", "follows: before", "system text: You are a roofer.", "ended by: stop",
        'tools: find({"a":1}) -> figure 4-8; look()', "attachments: image https://example.com/roof.jpg",
        "model: gpt-4o-mini",
    ):  # fmt: skip
        assert line in shown
    assert "in the conversation thread 7, after before" in cli.run("history", example).stdout


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["show", "ghost"], 2, "no example 'ghost'"),
        (["feedback", "ghost", "positive"], 2, "no example 'ghost'"),
        (["approve", "ghost"], 2, "no example 'ghost'"),
        (["history", "a b"], 2, "is not an id"),
        (["approve"], 2, "give one or more IDs, or --where"),
        (["approve", "a", "b", "--revision", "1"], 2, "exactly one ID"),
        (["correct", "--corrected", "x"], 2, "give --example ID, or both"),
        (["capture", "--prompt", "p", "--response", "@/nowhere"], 2, "the file cannot be read"),
        (["capture", "--prompt", "p", "--response", "r", "--used"], 2, "--document-type"),
        (["capture", "--prompt", "p", "--response", "r", "--tool", "find"], 2, "--tool 'find': "),
        (["capture", "--prompt", "p", "--response", "r", "--tool", '{"a": 1}'], 2, 'give {"name": …'),
        (["capture", "--prompt", "p", "--response", "r", "--attachment", "roof.jpg"], 2, "is not KIND=ADDRESS"),
        (["capture", "--prompt", "p", "--response", "r", "--follows", "a.b"], 2, "follows"),
        (["import", "nowhere"], 2, "nowhere is not there"),
        (["queue", "--nats-port", "99999"], 2, "give a whole number from 0 to 65535"),
        (["queue", "--nats-url", "nats://127.0.0.1:1"], 1, "no NATS server answers"),
        (["queue", "--nats-url", "a:1,http://b"], 2, "--nats-url = 'a:1,http://b': 'http://b' is no address"),
        (["queue", "--nats-url", "a:1,b@"], 2, "--nats-url = …: address 2 of 2 is no address"),
        (["queue", "--nats-url", ","], 2, "give the address of a NATS server"),
        (["feedback", "x", "great"], 2, "'great' is not one of"),
        (["export", "--min-examples", "-1"], 2, "-1 is not in the range"),
        (["train"], 1, "nobody trains on this volume"),
        (["lineage", "ghost"], 2, "ghost is no row, no example and no export"),
        (["lineage", "training_conversations.jsonl:1"], 2, "holds no export yet"),
    ],
)
def test_wrong_input_is_explained_in_words(cli: Cli, args: list[str], code: int, says: str) -> None:
    assert says in cli.run(*args, code=code).stderr


def test_errors_are_one_document_for_machines(cli: Cli) -> None:
    document = cli.json("show", "ghost", code=2)
    assert (document["status"], document["kind"]) == ("error", "UnknownExample")


def test_a_wrong_setting_in_the_environment_is_named(cli: Cli) -> None:
    cli.environment["ROOFLOG_REPLICAS"] = "many"
    assert "ROOFLOG_REPLICAS = 'many'" in cli.run("status", code=2).stderr


def test_nothing_is_left_running_after_a_command(cli: Cli) -> None:
    cli.run("status")
    pid = json.loads((cli.data_dir / "nats" / "server.json").read_text())["pid"]
    assert not _started(pid)


def test_texts_from_the_log_cannot_steer_the_terminal(cli: Cli) -> None:
    nasty = "\x1b[2J[bold red]boo[/bold red]\x07 about the TPO roof membrane"
    example = cli.run("capture", "--prompt", nasty, "--response", nasty).stdout.strip()
    shown = cli.run("show", example).stdout
    assert "[bold red]boo[/bold red]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def leaves(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found |= leaves(command, f"{prefix}{name} ") if isinstance(command, click.Group) else {prefix + name: command}
    return found


@pytest.mark.parametrize("name", list(leaves(main)))
def test_every_command_has_help_with_an_example_and_json(name: str) -> None:
    command = leaves(main)[name]
    assert command.help
    assert f"rooflog {name}" in (command.epilog or "")
    flags = {flag for parameter in command.params if isinstance(parameter, click.Option) for flag in parameter.opts}
    assert {"--json", "--data-dir", "--nats-url"} <= flags
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


def test_the_demo_gives_the_same_file_twice(cli: Cli) -> None:
    first = cli.json("demo")
    file = Path(first["output_path"])
    before = file.read_bytes()
    assert cli.json("demo")["funnel"] == first["funnel"]
    assert file.read_bytes() == before
    counts = first["counts"]["sft"]
    assert len(before.splitlines()) == counts["train"] >= 20
    assert counts["train"] + counts["eval"] == first["after_filtering"]
    assert set(first["funnel"]["lost"]) >= {
        "too_short", "low_relevance", "excluded_source", "excluded_by_author", "personal_data", "superseded_by",
        "rejected", "not_approved", "duplicate_of",
    }  # fmt: skip


def test_the_demo_is_not_for_a_trainers_volume(cli: Cli) -> None:
    cli.environment["ROOFLOG_SINK"] = "modal"
    assert "unset ROOFLOG_SINK" in cli.run("demo", code=2).stderr


def test_the_demo_does_not_mix_with_other_facts(cli: Cli) -> None:
    cli.run("capture", "--prompt", "Minimum slope for TPO?", "--response", ANSWER)
    assert "play the demo in a directory of its own" in cli.run("demo", code=1).stderr

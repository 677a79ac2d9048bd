"""Judging texts without a server, and redacting an example."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.cli.texts import read_texts

from ..conftest import Cli

LEAK = "Our foreman answers at foreman@example.com or 215-555-0143 about the membrane at the parapet; reseal it."


def lines(*texts: Mapping[str, object]) -> str:
    return "".join(json.dumps(text) + "\n" for text in texts)


def test_lines_are_judged_in_order_without_a_server(cli: Cli) -> None:
    given = lines(
        {"prompt": "What is the minimum slope for a TPO roof?", "response": LEAK},
        {"prompt": "ok"},
        {"prompt": "Which app splits a restaurant bill?", "response": "Pick one that scans the receipt. " * 3},
    )
    judged = [json.loads(line) for line in cli.run("analyze", stdin=given).stdout.splitlines()]
    assert [one["relevance"] for one in judged] == ["high", "low", "low"]
    assert [one["verdict"]["reasons"] for one in judged] == [
        ["personal_data"], ["too_short", "low_relevance"], ["low_relevance"],
    ]  # fmt: skip
    found = {(span["kind"], LEAK[span["start"] : span["end"]]) for span in judged[0]["personal_data"]}
    assert found == {("email", "foreman@example.com"), ("phone", "215-555-0143")}
    assert judged[0]["terms"][:4] == ["minimum", "slope", "tpo", "roof"]
    assert judged[2]["tags"] == ["general"]
    assert list(cli.data_dir.iterdir()) == []


SURROUNDINGS = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8"},
    {"PYTHONHASHSEED": "random", "TZ": "America/St_Johns", "LC_ALL": "C"},
)


@pytest.mark.parametrize("command", ["analyze", "duplicates"])
def test_the_same_texts_give_the_same_bytes_in_any_surroundings(cli: Cli, command: str) -> None:
    rng = random.Random(7)
    words = [
        "TPO",
        "roof",
        "drain",
        "spec",
        "EPDM",
        "flashing",
        "parapet",
        "submittal",
        "OSHA",
        "crew",
        "07_54_00",
        "é",
        "DİĞER",
        "STRASSE",
        "1/2_inch",
    ]
    prompts = [" ".join(rng.choices(words, k=4)) for _ in range(300)]
    given = lines(*({"prompt": prompt, "response": LEAK} for prompt in prompts))
    outputs = set()
    for surroundings in SURROUNDINGS:
        cli.environment.update(surroundings)
        outputs.add(cli.run(command, stdin=given).stdout)
    assert len(outputs) == 1
    assert outputs.pop().count("\n") == 300


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}\n", "standard input:1"),
        ('{"prompt": "a"}\nnonsense\n', "standard input:2"),
        ('{"prompt": 3}\n', "Expected `str`"),
        ("[1]\n", "not a JSON object"),
    ],
)
def test_a_bad_line_is_named(cli: Cli, text: str, says: str) -> None:
    assert says in cli.run("analyze", stdin=text, code=2).stderr


@pytest.mark.parametrize("command", ["analyze", "duplicates"])
def test_a_file_may_be_anything_that_an_import_reads(cli: Cli, tmp_path: Path, command: str) -> None:
    texts = [{"prompt": "What is the minimum slope for a TPO roof?"}, {"prompt": "How wide is a “TPO” weld?"}]
    expected = cli.run(command, stdin=lines(*texts)).stdout
    (tmp_path / "a.jsonl").write_text(lines(*texts).replace("\n", "\r\n\r\n"), "utf-16")
    (tmp_path / "b.json").write_bytes(json.dumps(texts, indent=1).encode("utf-8-sig"))
    (tmp_path / "c.CSV.gz").write_bytes(gzip.compress("\n".join(["prompt", *(t["prompt"] for t in texts)]).encode()))
    chats = [
        {"messages": [{"role": "user", "content": t["prompt"]}, {"role": "assistant", "content": LEAK}]} for t in texts
    ]
    answered = cli.run(command, stdin=lines(*(text | {"response": LEAK} for text in texts))).stdout
    assert cli.run(command, stdin=lines(*chats)).stdout == answered
    assert "standard input:2: nobody answers" in cli.run(command, stdin=lines(chats[0], {"messages": [
        {"role": "user", "content": "Which slope?"}]}), code=2).stderr  # fmt: skip
    for name in ("a.jsonl", "b.json", "c.CSV.gz"):
        assert cli.run(command, tmp_path / name).stdout == expected, name


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ({"completion": LEAK}, LEAK),
        ({"response": LEAK, "model": "m"}, LEAK),
        ({"chosen": LEAK, "rejected": "Nothing leaks."}, "Nothing leaks."),
        ({"response": LEAK}, LEAK),
        ({"id": 3}, None),
    ],
)
def test_an_answer_of_a_known_format_is_judged(tmp_path: Path, line: dict[str, object], answer: str | None) -> None:
    (tmp_path / "x.jsonl").write_text(lines({"prompt": "Which slope?"} | line))
    assert read_texts(tmp_path / "x.jsonl")[0].response == answer


def test_a_text_is_read_in_any_encoding(cli: Cli, tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "answer.txt").write_bytes("1/4 in pro Fuß –\r\n2 %".encode(encoding))
        asked = ("capture", "--prompt", "Which slope?", "--response", f"@{tmp_path / 'answer.txt'}")
        example = cli.run(*asked).stdout.strip()
        assert cli.json("show", example)["response"] == "1/4 in pro Fuß –\n2 %"
    assert "is a folder" in cli.run("capture", "--prompt", "a", "--response", f"@{tmp_path}", code=2).stderr


def test_another_policy_judges_otherwise_and_a_wrong_one_is_explained(cli: Cli, tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[3] / "projections" / "policy" / "policy.toml").read_text()
    strict = tmp_path / "strict.toml"
    strict.write_text(shipped.replace("min_prompt_chars = 10", "min_prompt_chars = 1000"))
    text = lines({"prompt": "What is the minimum slope for a TPO roof?"})
    assert json.loads(cli.run("analyze", "--policy", strict, stdin=text).stdout)["verdict"]["reasons"] == ["too_short"]
    strict.write_text(shipped.replace("high = 4", "high = -4"))
    assert "relevance.high" in cli.run("analyze", "--policy", strict, stdin=text, code=2).stderr
    strict.write_bytes(shipped.encode("utf-8-sig"))
    cli.run("analyze", "--policy", strict, stdin=text)
    strict.write_bytes(shipped.encode("utf-16"))
    cli.run("analyze", "--policy", strict, stdin=text)
    strict.write_bytes(f"{shipped}# Größe".encode("latin-1"))
    assert "can't decode" in cli.run("analyze", "--policy", strict, stdin=text, code=2).stderr
    assert "nowhere.toml" in cli.run("analyze", "--policy", tmp_path / "nowhere.toml", stdin=text, code=2).stderr


def test_a_redaction_is_proposed_then_applied(cli: Cli) -> None:
    example = cli.run("capture", "--prompt", "Draft a note about the parapet leak", "--response", LEAK,
                      "--source", "verified_calculation").stdout.strip()  # fmt: skip
    assert cli.json("show", example)["verdict"]["reasons"] == ["personal_data"]
    proposal = cli.json("redact", example)
    assert proposal["status"] == "proposed"
    assert cli.json("show", example)["response"] == LEAK
    revision = str(cli.json("show", example)["revision"])
    cli.run("redact", example, "--apply", "--revision", revision)
    shown = cli.json("show", example)
    assert shown["response"] == LEAK.replace("foreman@example.com", "[EMAIL]").replace("215-555-0143", "[PHONE]")
    assert shown["verdict"]["in_training"]
    assert cli.json("redact", example)["status"] == "nothing_found"
    refused = cli.json("reject", example, "--revision", revision, "--reason", "no", code=1)
    assert "redacted by tester" in refused["since"]


def test_every_text_of_a_correction_is_searched(cli: Cli) -> None:
    better = "The roofing foreman probes every membrane seam by hand."
    said = cli.json("correct", "--prompt", "Who checks the membrane?", "--original", LEAK, "--corrected", better)
    correction = said["correction_id"]
    assert cli.json("show", correction)["verdict"]["reasons"] == ["personal_data"]
    cli.run("redact", correction, "--apply")
    shown = cli.json("show", correction)
    assert "[EMAIL]" in shown["original_response"]
    assert shown["verdict"]["in_training"]


def test_chosen_spans_of_any_text_are_redacted(cli: Cli) -> None:
    example = cli.run("capture", "--prompt", "Who owns the TPO roof?", "--response", "Maria Kowalczyk, says Maria.",
                      "--system", "You work for Maria.").stdout.strip()  # fmt: skip
    cli.run("feedback", example, "negative", "--comment", "Ask bo@example.com")
    shown = cli.json("show", example)
    comment = f"comments.{shown['comments'][0]['seq']}"
    assert [span["field"] for span in shown["found"] if not span["is_guess"]] == [comment]
    assert f"email in {comment}:4-18 bo@example.com" in cli.run("show", example).stdout.replace("\n", " ")
    spans = ("--span", "response:0-15", "--span", "response:22-27", "--span", "system:13-18")
    revision = ("--revision", str(shown["revision"]))
    proposal = cli.json("redact", example, *spans, *revision)
    assert (proposal["status"], proposal["system"]) == ("proposed", "You work for [NAME].")
    names = ("--as", "name", "--as", "name", "--as", "owner")
    cli.run("redact", example, *spans, *names, *revision, "--apply")
    now = cli.json("show", example)
    assert (now["response"], now["system"]) == ("[NAME], says [NAME].", "You work for [OWNER].")
    assert "has changed since" in cli.run("redact", example, *spans, *revision, code=1).stderr
    assert "give one for all" in cli.run("redact", example, *spans, "--as", "a", "--as", "b", code=2).stderr
    cli.run("redact", example, "--apply")
    assert cli.json("show", example)["comments"][0]["text"] == "Ask [EMAIL]"


def test_each_line_links_to_the_earliest_equal_question(cli: Cli) -> None:
    given = lines(
        {"prompt": "What is the minimum slope for a TPO roof?"},
        {"prompt": "What is the minimum slope for an EPDM roof?"},
        {"prompt": "whats the min. slope for TPO roofs"},
        {"prompt": "What is the maximum slope for a TPO roof?"},
    )
    told = [json.loads(line) for line in cli.run("duplicates", stdin=given).stdout.splitlines()]
    assert [one["duplicate_of"] for one in told] == [None, None, 0, None]
    assert cli.json("duplicates", stdin=given) == told

"""Deciding on many at the command line: by filter, with a dry run, and the way back as one."""

from __future__ import annotations

import pytest

from ..conftest import ANSWER, Cli


def captured(cli: Cli, *tags: str, count: int = 3) -> list[str]:
    return [
        cli.json(
            *("capture", "--prompt", f"How wide is lap {n} of a {tags[0]} roof?", "--response", ANSWER),
            *(part for tag in tags for part in ("--tag", tag)),
        )["example_id"]
        for n in range(count)
    ]


def test_what_matches_is_approved_undone_and_approved(cli: Cli) -> None:
    ids = captured(cli, "seam")
    preview = cli.json("approve", "--where", "tag=seam", "--dry-run")
    assert (preview["total"], preview["effect"]["enter"]) == (3, 3)
    assert cli.json("show", ids[0])["decision"] is None
    approved = cli.json("approve", "--where", "tag=seam", "--reason", "checked")["approved"]
    assert {one["example_id"] for one in approved} == set(ids)
    assert cli.json("show", ids[0])["decision_reason"] == "checked (in bulk: tag seam)"
    cli.json("reject", ids[0], "--reason", "not this one")
    first, last = (str(pick(one["seq"] for one in approved)) for pick in (min, max))
    assert cli.json("undo", first, last, "--dry-run")["total"] == 3
    undone = cli.json("undo", first, last)
    assert {one["example_id"] for one in undone["undone"]} == set(ids[1:])
    assert [one["example_id"] for one in undone["left"]] == [ids[0]]
    assert [cli.json("show", example)["decision"] for example in ids] == ["rejected", None, None]
    assert len(cli.json("approve", "--tag", "seam")["approved"]) == 2


def test_a_description_of_many_is_undone(cli: Cli) -> None:
    ids = captured(cli, "lap", count=2)
    assert cli.json("describe", "--where", "tag=lap", "--tag", "Wide  Lap", "--dry-run")["total"] == 2
    described = cli.json("describe", "--where", "tag=lap", "--tag", "Wide  Lap")["described"]
    assert "wide lap" in cli.json("show", ids[0])["tags"]
    assert cli.json("describe", "--where", "tag=lap", "--tag", "wide lap")["described"] == []
    excluded = cli.json("describe", "--where", "tag=wide lap", "--exclude")["described"]
    assert len(excluded) == 2
    first, last = (str(pick(one["seq"] for one in excluded)) for pick in (min, max))
    assert len(cli.json("undo", first, last)["undone"]) == 2
    assert cli.json("show", ids[0])["include_in_training"] is True
    stale = cli.json("undo", str(min(one["seq"] for one in described)))
    assert (stale["undone"], len(stale["left"])) == ([], 1)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("approve", "--where", "colour=red"), "give NAME=VALUE"),
        (("approve", "--where", "tag=a", "--where", "tag=b"), "given twice"),
        (("approve", "a", "--dry-run"), "belong to --where"),
        (("approve", "--where", "stage=nowhere"), "no stage 'nowhere'"),
        (("describe", "--where", "tag=a", "--tag", "b", "--exclude"), "give one change"),
        (("describe", "--exclude"), "give an ID, or --where"),
        (("undo", "1"), "has decided nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_does_not_go_together_is_refused(cli: Cli, args: tuple[str, ...], words: str) -> None:
    assert words in cli.json(*args, code=2)["error"]

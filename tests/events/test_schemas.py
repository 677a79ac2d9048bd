"""The JSON Schemas say what a fact is: they take every fact that was ever published, and refuse what the codec does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from events.codec import decode
from events.errors import InvalidFact
from events.facts import FACTS
from events.schemas import schemas
from events.subjects import subject_of

GOLDEN = [line for line in (Path(__file__).parent / "golden.txt").read_text("utf-8").splitlines() if "{" in line]


def fact_in(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line[line.index("{") :])
    return found


def validator(name: str) -> Any:
    return jsonschema_rs.validator_for(schemas()[name])


def test_every_fact_has_a_schema() -> None:
    assert set(schemas()) == {fact.__struct_config__.tag for fact in FACTS}


@pytest.mark.parametrize("line", GOLDEN)
def test_what_was_ever_published_is_valid(line: str) -> None:
    fact = fact_in(line)
    if fact["type"] in schemas():
        validator(fact["type"]).validate(fact)


@pytest.mark.parametrize("line", GOLDEN)
def test_the_subject_of_a_fact_is_as_its_schema_says(line: str) -> None:
    fact = decode(line[line.index("{") :].encode())
    pattern = schemas()[str(fact.__struct_config__.tag)]["x-subject"]
    about = re.search(r"<(.*?)>\.<event_id>", pattern)[1].split(" or ")  # type: ignore[index]
    value = next(value for name in about if (value := getattr(fact, name)) is not None)
    assert subject_of(fact) == re.sub(r"<.*?>\.<event_id>", f"{value}.{fact.event_id}", pattern)


@pytest.mark.parametrize(
    "change",
    [{"event_id": "a.b"}, {"event_id": "a\n"}, {"occurred_at": 3}, {"actor": ""}, {"example_id": None}, {"type": "x"}],
)
def test_what_the_codec_refuses_the_schema_refuses(change: dict[str, Any]) -> None:
    line = next(line for line in GOLDEN if '"feedback.given.v1"' in line)
    fact = fact_in(line) | change
    with pytest.raises(InvalidFact):
        decode(json.dumps(fact).encode())
    assert not validator("feedback.given.v1").is_valid(fact)

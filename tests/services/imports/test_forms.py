"""Forms of annotation tools: known by what else they hold, whatever their fields are called."""

from __future__ import annotations

from typing import Any

import pytest

from services.imports import forms, registry

TEXTS = {"prompt": "Which slope?", "response": "1/4 in per foot."}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"fields": TEXTS, "responses": {}}, "argilla"),
        (TEXTS | {"quality.responses": [5], "status": "completed"}, "argilla"),
        (TEXTS | {"external_id": None, "quality-suggestion": 5}, "argilla"),
        ({"data": TEXTS, "annotations": []}, "label_studio"),
        (TEXTS | {"annotation_id": 1, "lead_time": 2.0, "verdict": "Good"}, "label_studio"),
        (TEXTS, "completions"),
        ({"fields": TEXTS} | TEXTS, "completions"),
    ],
)
def test_a_form_is_known_by_what_else_it_holds(data: dict[str, Any], name: str) -> None:
    assert registry.of(data).name == name
    assert forms.is_form(data) is (name != "completions")

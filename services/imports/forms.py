"""Forms: how records and tasks of annotation tools look, so that their fields are not taken for another format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_argilla(data: Mapping[str, Any]) -> bool:
    """Whether an object is a record of Argilla: nested, as a row of a dataset, or of version 1."""
    if isinstance(data.get("fields"), Mapping) and ("responses" in data or "suggestions" in data):
        return True
    is_row = any(name.endswith((".responses", ".suggestion")) for name in data)
    return is_row or ("external_id" in data and any(name.endswith("-suggestion") for name in data))


def is_label_studio(data: Mapping[str, Any]) -> bool:
    """Whether an object is a task of Label Studio, or an annotation of its short JSON and its CSV."""
    if isinstance(data.get("data"), Mapping) and ("annotations" in data or "completions" in data):
        return True
    return "annotation_id" in data and "lead_time" in data


def is_form(data: Mapping[str, Any]) -> bool:
    """Whether an object is of any annotation tool."""
    return is_argilla(data) or is_label_studio(data)

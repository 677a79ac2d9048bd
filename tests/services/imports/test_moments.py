"""Moments: one, however it is written; and what is none is named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.imports.moments import moment

AT = datetime(2025, 3, 18, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        1742306400, 1742306400.0, "1742306400", "1742306400.0", 1742306400_000, "1742306400000", 1742306400_000_000,
        1742306400_000_000_000, "1742306400000000000", "2025-03-18T14:00:00", "2025-03-18 14:00",
        "2025-03-18T15:00+01:00", "2025-03-18T14:00:00Z", "20250318T140000",
    ],
)  # fmt: skip
def test_a_moment_is_the_same_however_it_is_written(value: Any) -> None:
    assert moment(value, "created") == AT


@pytest.mark.parametrize("value", [None, True, [1], {}, "yesterday", "", 1e300, float("nan"), -1e300, 10**400])
def test_what_is_no_moment_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^created .* is no time"):
        moment(value, "created")

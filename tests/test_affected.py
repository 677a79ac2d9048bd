"""`make quick` runs the tests that a change needs."""

from __future__ import annotations

import pytest

from .affected import ALWAYS, affected


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        (["events/log/log.py", "events/facts.py"], {"tests/events"}),
        (["projections/store/database.py"], {"tests/projections"}),
        (["services/state/owner_of_tomorrow.py"], {"tests/services/state"}),
        (["services/web/static/review.js"], {"tests/services/web"}),
        (["services/settings.py"], {"tests/services"}),
        (["services/settings.py", "tests/services/web/test_guide.py"], {"tests/services"}),
        (["tests/projections/test_law.py"], {"tests/projections/test_law.py"}),
        (["tests/projections/given.py"], {"tests/projections"}),
    ],
)  # fmt: skip
def test_a_change_needs_the_tests_of_its_folder(changed: list[str], needed: set[str]) -> None:
    assert {str(path) for path in affected(changed) - ALWAYS} == needed


def test_a_file_of_settings_needs_the_tests_that_mention_it() -> None:
    assert {str(path) for path in affected(["docker-compose.yml"])} >= {"tests/services/test_compose.py"}


@pytest.mark.parametrize("changed", [[], ["tests/conftest.py", "events/log/log.py"], ["pyproject.toml"]])
def test_what_all_depend_on_needs_all_tests(changed: list[str]) -> None:
    assert {str(path) for path in affected(changed)} == {"tests"}

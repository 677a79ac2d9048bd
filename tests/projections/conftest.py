"""The stories' own assertions explain themselves like those of the tests."""

import pytest

pytest.register_assert_rewrite("tests.projections.given")

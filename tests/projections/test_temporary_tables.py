"""Whoever reads a statement finds out where its temporary tables come from."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[2] / "projections").rglob("*.py"))
MADE = re.compile(r"CREATE OR REPLACE TEMP (?:TABLE|VIEW) (\w+)")


@pytest.mark.parametrize("source", [path for path in SOURCES if MADE.search(path.read_text())], ids=lambda p: p.stem)
def test_a_module_describes_the_temporary_tables_that_it_makes(source: Path) -> None:
    tree = ast.parse(source.read_text("utf-8"))
    places = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)]
    described = "\n".join(ast.get_docstring(place) or "" for place in places)
    made = set(MADE.findall(source.read_text("utf-8")))
    assert {name for name in made if f"`{name}`" not in described} == set()

"""Rules about the files themselves; import-linter checks the direction of imports between the three packages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path, PurePath

import pytest

ROOT = Path(__file__).parent.parent
LISTING = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
TRACKED = subprocess.run(LISTING, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
FILES = [name for name in TRACKED if (ROOT / name).exists()]
MODULES = [name for name in FILES if name.endswith(".py")]
SCRIPTS = [name for name in FILES if name.endswith(".js")]
PAGES = [*SCRIPTS, *(name for name in FILES if name.endswith((".css", ".d.ts")))]
PRODUCT = [name for name in MODULES if name.startswith(("events/", "projections/", "services/"))]
TESTS = [name for name in MODULES if PurePath(name).name.startswith("test_")]

MARKUP = re.compile(
    r"\b(?:inner|outer)HTML\b|\binsertAdjacentHTML\b|\bsetHTML|\bcreateContextualFragment\b|\bDOMParser\b"
    r"|\bdocument\.write|\beval\(|\bnew Function\b"
)
"""What makes elements or code out of a text."""

LONGEST_FUNCTION = 70
"""In lines, with its docstring: what can be read without scrolling."""

VAGUE = {"utils", "helpers", "common", "manager", "base"}
"""Names of modules that say nothing about what is in them."""

WORDS_OF_A_TEST = 10
"""Words of a test's name after `test_`: a promise that is read at one glance."""

VAGUE_LOCALS = {"found", "said", "there", "told"}
"""Names of variables that tell that somebody did something, but not what they hold."""

WITHOUT_DEADLINE = {"asyncio.wait_for", "asyncio.timeout", "asyncio.timeout_at"}
"""What ends only when what it waits for ends, which a lost cancellation prevents."""

TIMED = re.compile(r"^(?:gzip\.compress|datetime\.now|time\.time|uuid\.uuid4|new_event_id)$")
"""Calls whose value is another one at every moment."""

CONNECTION = "events/log/connection.py"

OF_NATS = re.compile(
    r"^(?:[\w.]+\.)?(?:client|js|subscription|jetstream\([^()]*\))\.\w+\(|^asyncio\.(?:open_connection|start_tls)\("
)
"""Calls of nats-py and of sockets, as they look where nothing is around them."""

OF_MANY_MODULES = {
    "tests/events/test_wheel.py",
    "tests/projections/queries/test_queue.py",
    "tests/projections/test_law.py",
    "tests/services/cli/test_cli.py",
    "tests/services/cli/test_first_day.py",
    "tests/services/exporter/test_trainers.py",
    "tests/services/projector/test_repair.py",
    "tests/containers/test_containers.py",
    "tests/services/test_systemd.py",
    "tests/services/web/access/test_rights.py",
    "tests/services/web/pages/test_answers.py",
    "tests/services/web/pages/test_bulk.py",
    "tests/services/web/pages/test_commands.py",
    "tests/services/web/pages/test_description.py",
    "tests/services/web/pages/test_in_and_out.py",
    "tests/services/web/pages/test_desk.py",
    "tests/services/web/pages/test_example_page.py",
    "tests/services/web/pages/test_pages.py",
    "tests/services/web/pages/test_reading.py",
    "tests/services/web/pages/test_review.py",
    "tests/services/web/test_guide.py",
    "tests/services/web/test_lists.py",
    "tests/test_architecture.py",
    "tests/test_errors.py",
    "tests/test_releases.py",
}
"""Test files about something that no single module makes."""


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"))


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.skipif(not TRACKED, reason="this copy of the files is no git repository")
def test_no_file_names_anything_beside_the_repository() -> None:
    beside = b"../" + b"shared"
    assert [name for name in TRACKED if (ROOT / name).is_file() and beside in (ROOT / name).read_bytes()] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_line_of_the_pages_is_too_long(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > 120] == [], f"{name}: the formatter cannot break comments and strings"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".mjs"))])
def test_no_script_of_the_pages_makes_markup(name: str) -> None:
    """`dom.js` makes every element; the vendored parser makes tokens only."""
    assert MARKUP.findall((ROOT / name).read_text("utf-8")) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_of_the_pages_says_what_it_is_for(name: str) -> None:
    assert (ROOT / name).read_text("utf-8").startswith(("/**", "//")), f"{name} begins with no comment"


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name in MODULES if parsed(name).body and not ast.get_docstring(parsed(name))]
    assert silent == [], "a module begins with a docstring"


def test_functions_are_short() -> None:
    long = {
        f"{name}:{function.lineno} {function.name}": lines
        for name in PRODUCT
        for function in functions(name)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}, f"a function has at most {LONGEST_FUNCTION} lines"


def test_no_module_has_a_vague_name() -> None:
    assert [name for name in MODULES if VAGUE & set(PurePath(name).with_suffix("").parts)] == []


def test_names_of_tests_are_short() -> None:
    long = [
        f"{name}:{function.lineno} {function.name}"
        for name in TESTS
        for function in functions(name)
        if function.name.startswith("test_") and function.name.count("_") > WORDS_OF_A_TEST
    ]
    assert long == [], f"the name of a test has at most {WORDS_OF_A_TEST} words"


def test_the_names_of_cases_are_those_of_any_moment() -> None:
    """The processes of one run name the cases each for itself: what holds the clock has another name in each."""
    timed = [
        f"{name}:{call.lineno} {ast.unparse(call)}"
        for name in TESTS
        for function in functions(name)
        for decorator in function.decorator_list
        for call in ast.walk(decorator)
        if isinstance(call, ast.Call) and TIMED.search(ast.unparse(call.func)) and not call.keywords
    ]
    assert timed == [], "give it a moment: gzip.compress(…, mtime=0)"


def test_variables_are_named_for_what_they_hold() -> None:
    vague = [
        f"{name}:{node.lineno} {node.id}"
        for name in PRODUCT
        for function in functions(name)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE_LOCALS
    ]
    assert vague == [], "name the variable after what it holds"


@pytest.mark.parametrize("name", [name for name in PRODUCT if not name.startswith("projections/")])
def test_no_wait_is_without_a_deadline_that_holds(name: str) -> None:
    """Whoever waits for others does so by `deadline.within`; nats-py is awaited by the connection alone."""
    naked = [
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(parsed(name))
        if (isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in WITHOUT_DEADLINE)
        or (isinstance(node, ast.alias) and f"asyncio.{node.name}" in WITHOUT_DEADLINE)
        or (isinstance(node, ast.Await) and OF_NATS.search(ast.unparse(node.value)) and name != CONNECTION)
        or (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "socket.create_connection"
            and len(node.args + node.keywords) < 2
        )
    ]
    assert naked == [], "a cancellation may be lost: wait by `events.deadline.within`"


def test_a_test_file_names_the_module_that_it_tests() -> None:
    """`tests/FOLDER/test_NOUN.py` tests FOLDER/NOUN.py or the folder FOLDER/NOUN, or support of the tests beside it."""
    strays = set()
    for name in TESTS:
        noun = PurePath(name).stem.removeprefix("test_")
        folder = PurePath(name).parent
        mirrored = ROOT / folder.relative_to("tests") / noun
        places = (mirrored, mirrored.with_suffix(".py"), ROOT / folder / f"{noun}.py")
        if not any(place.exists() for place in places):
            strays.add(name)
    assert strays - OF_MANY_MODULES == set(), "name the file after the module, or say why there is none"
    assert OF_MANY_MODULES - strays == set(), "these have a module, or are no more: take them from the list"


def imported(name: str) -> Iterator[tuple[int, str]]:
    """Line and name of every absolute import of a module, and of relative ones that leave its top-level folder."""
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level >= len(PurePath(name).parts):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""


def test_events_imports_only_what_its_wheel_requires() -> None:
    """The wheel is called `rooflog` and is installed alone: so no import may name `events` either."""
    required = tomllib.loads((ROOT / "events/pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    distributions = {re.split(r"[^A-Za-z0-9-]", requirement)[0] for requirement in required}
    distributions |= {"nkeys"}  # which nats-py asks for where keys are used
    allowed = {package for package, owners in packages_distributions().items() if distributions & set(owners)}
    strangers = [
        f"{name}:{line} imports {module}"
        for name in PRODUCT
        if name.startswith("events/")
        for line, module in imported(name)
        if module.split(".")[0] not in allowed | sys.stdlib_module_names
    ]
    assert strangers == [], f"events may import the standard library, {', '.join(sorted(distributions))} and itself"


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("projections/")])
def test_a_module_describes_the_temporary_tables_it_makes(name: str) -> None:
    places = [node for node in ast.walk(parsed(name)) if isinstance(node, ast.Module | ast.FunctionDef)]
    described = "\n".join(ast.get_docstring(place) or "" for place in places)
    made = re.findall(r"CREATE OR REPLACE TEMP (?:TABLE|VIEW) (\w+)", (ROOT / name).read_text("utf-8"))
    assert [table for table in made if f"`{table}`" not in described] == []

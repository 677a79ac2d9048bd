"""The tests that a change needs: `python -m tests.affected` prints their paths for `make quick`.

Tests mirror the folders, so what changed since main names them: a module's folder, a test file itself, the tests that
mention a document or a file of settings, and always the rules about files. What all depend on, or no change at all,
needs all tests.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path, PurePath

ROOT = Path(__file__).parent.parent
TESTS = PurePath("tests")
ALWAYS = {TESTS / "test_architecture.py", TESTS / "test_docs.py"}
WHOLE = ("events", "projections")
"""Packages that are tested as a whole: a story runs through all of their folders."""


def affected(changed: Collection[str]) -> set[PurePath]:
    """The test files and folders that these changed files need."""
    needed = {path for name in changed for path in _needed(PurePath(name))}
    if not changed or TESTS in needed:
        return {TESTS}
    return {path for path in needed | ALWAYS if not needed & set(path.parents)}


def _needed(name: PurePath) -> set[PurePath]:
    """The tests that one changed file needs."""
    folder = name.parts[0]
    if name.suffix == ".lock" or name.name == "pyproject.toml":
        return {TESTS}
    if folder == "tests":
        return {name if name.name.startswith("test_") and (ROOT / name).exists() else _existing(name.parent)}
    if folder in WHOLE:
        return {TESTS / folder}
    if folder in ("services", "examples"):
        return {_existing(TESTS / name.parent)}
    return {test for mentioning in _mentioning(name.name, TESTS) for test in _tests_with(mentioning)}


def _tests_with(name: PurePath) -> set[PurePath]:
    """A test file, or those that mention the module that supports them."""
    if name.name.startswith("test_"):
        return {name}
    return {test for test in _mentioning(name.stem, name.parent) if test.name.startswith("test_")}


def _mentioning(words: str, folder: PurePath) -> list[PurePath]:
    """The modules of a folder of tests in which some words stand."""
    names = _git("grep", "--files-with-matches", "--word-regexp", "--fixed-strings", words, "--", f"{folder}/**.py")
    return [PurePath(name) for name in names]


def _existing(folder: PurePath) -> PurePath:
    while not (ROOT / folder).is_dir():
        folder = folder.parent
    return folder


def _git(*command: str) -> list[str]:
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def changed() -> list[str]:
    """The files that differ from where this branch left main, and those that git does not know yet.

    On main itself, where the last push left it. Where nobody pushes, only what is not committed counts.
    """
    main = "origin/main" if _git("branch", "--show-current") == ["main"] else "main"
    base = _git("merge-base", "HEAD", main) or ["HEAD"]
    return _git("diff", "--name-only", *base) + _git("ls-files", "--others", "--exclude-standard")


if __name__ == "__main__":
    print(*sorted(map(str, affected(changed()))))

"""The documents: generated pages equal the code, and written pages are short, correct and say each thing once."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from .docs import REFERENCE, ROOT
from .docs.generated import DOCUMENTS
from .docs.names import exists, problem, targets_of_make
from .docs.pages import Page, everything, read, written
from .docs.reference import commands
from .docs.site import build, reached, targets

SENTENCE = 25
"""Words of a sentence at most."""

SAME = 8
"""From so many words on a sentence stands once in all documents."""

FORMS = {
    "docs/decisions": {"Context", "Decision", "Consequences", "Rejected"},
    "CHANGELOG.md": {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"},
}
"""Headings that the form of a page asks for, again and again."""

pages = pytest.mark.parametrize("page", written(), ids=lambda page: page.name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_documents_are_those_of_the_code(name: str) -> None:
    assert (REFERENCE / name).read_bytes() == DOCUMENTS[name](), "run `make docs` and look at what changed"


def test_nothing_but_generated_documents_is_in_the_reference() -> None:
    assert {path.relative_to(REFERENCE).as_posix() for path in REFERENCE.rglob("*.*")} == set(DOCUMENTS)


@pytest.mark.parametrize(("name", "lines"), [("README.md", 150), ("ARCHITECTURE.md", 300)])
def test_what_a_newcomer_reads_first_is_short(name: str, lines: int) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= lines


@pytest.mark.parametrize("page", everything(), ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_an_anchor(page: Page) -> None:
    broken = [link for link in page.links if "://" not in link and not _leads_somewhere(page, link)]
    assert broken == []


def _leads_somewhere(page: Page, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.path.parent / name).resolve() if name else page.path
    if not target.exists() or ROOT not in (target, *target.parents):
        return False
    return not anchor or (target.suffix == ".md" and anchor in read(target).anchors)


@pages
def test_names_in_back_quotes_exist(page: Page) -> None:
    assert [quoted for quoted in page.quoted if not exists(quoted)] == []


@pytest.mark.parametrize(
    "name",
    ["rooflog exprot", "rooflog export --foo", "make nope", "--nope", "services/nowhere.py", "events.facts.Nope"],
)
def test_a_name_of_nothing_is_found(name: str) -> None:
    assert not exists(name)


@pages
def test_command_lines_are_right(page: Page) -> None:
    wrong = [f"{page.name}:{line.line} {line.text}: {why}" for line in page.commands if (why := problem(line.words))]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_stands_in_a_guide(name: str) -> None:
    said = [" ".join(line.words) for page in written() for line in page.commands]
    quoted = [quoted for page in written() for quoted in page.quoted]
    assert any(re.match(rf"{name}(?:\s|$)", text) for text in said + quoted)


@pytest.mark.parametrize("target", sorted(targets_of_make()))
def test_every_target_of_the_makefile_stands_in_a_document(target: str) -> None:
    said = [" ".join(line.words) for page in written() for line in page.commands]
    quoted = [quoted for page in written() for quoted in page.quoted]
    assert any(re.match(rf"make {target}(?:\s|$)", text) for text in said + quoted)


def test_every_command_line_stands_once() -> None:
    assert _repeated((line.text, f"{page.name}:{line.line}") for page in written() for line in page.commands) == {}


def test_every_sentence_stands_once() -> None:
    sentences = ((sentence, page.name) for page in written() for sentence in page.sentences)
    assert _repeated((text.lower(), name) for text, name in sentences if len(text.split()) >= SAME) == {}


def test_every_heading_stands_once() -> None:
    assert _repeated(
        (heading, page.name)
        for page in written()
        for _, heading in page.headings
        if not any(page.name.startswith(place) and heading in form for place, form in FORMS.items())
    ) == {}  # fmt: skip


def _repeated(said: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    places = defaultdict(list)
    for text, place in said:
        places[text].append(place)
    return {text: found for text, found in places.items() if len(found) > 1}


@pages
def test_a_blank_line_is_before_every_heading(page: Page) -> None:
    lines = re.sub(r"^```.*?^```", "", page.text, flags=re.MULTILINE | re.DOTALL).splitlines()
    crowded = [line for before, line in itertools.pairwise(lines) if re.match("#+ ", line) and before.strip()]
    assert crowded == []


@pages
def test_sentences_are_short(page: Page) -> None:
    assert [sentence for sentence in page.sentences if len(sentence.split()) > SENTENCE] == []


@pytest.mark.parametrize("project", ["pyproject.toml", "events/pyproject.toml"])
def test_the_changelog_knows_the_version(project: str) -> None:
    version = tomllib.loads((ROOT / project).read_text("utf-8"))["project"]["version"]
    releases = [heading.split(" - ") for level, heading in read(ROOT / "CHANGELOG.md").headings if level == 2]
    assert releases[0][0] == version
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for _, date in releases[1:])


def test_every_decision_has_its_form_and_an_index_entry() -> None:
    (index,) = [page for page in written() if page.name == "docs/decisions/README.md"]
    decisions = [page for page in written() if page.path.parent == index.path.parent and page is not index]
    forms = {page.name: [heading for level, heading in page.headings if level == 2] for page in decisions}
    assert {
        name for name, form in forms.items() if form != ["Context", "Decision", "Consequences", "Rejected"]
    } == set()
    assert {page.path for page in decisions} == set(targets(index)) & {page.path for page in written()}


def test_links_lead_from_the_readme_to_every_page() -> None:
    assert {page.name for page in everything()} - {page.name for page in reached(everything())} == set()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The website, built in strict mode."""
    home = tmp_path_factory.mktemp("site")
    assert build(home) == 0
    return home / "html"


def test_the_site_has_every_page(site: Path) -> None:
    names = (re.sub(r"README\.md$", "index.html", page.name).replace(".md", ".html") for page in everything())
    assert [name for name in names if not (site / name).is_file()] == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=[\"']?https?://[^\"'> ]+")
    assert [found for path in site.rglob("*.html") for found in loaded.findall(path.read_text("utf-8"))] == []

"""`make docs-site`: a website of the same files, below their own paths, by zensical in strict mode.

The pages lie at the top of the repository and in docs/, so they are copied into one folder that the generator may read.
With them goes every file that a page links to: a link that works on a page works on the site.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import tomli_w

from . import DOCS, REFERENCE, ROOT
from .pages import Page, everything

SITE = ROOT / ".make" / "site"
"""What is built: the copies in `pages`, the site in `html`."""

TITLES = {"README.md": "rooflog", "events/README.md": "Client wheel"}

SECTIONS = {"Guide": DOCS / "guide", "Reference": REFERENCE, "Decisions": DOCS / "decisions"}


def build(home: Path = SITE) -> int:
    """Build the site; the exit code is not 0 where a page links to something that is not there."""
    shutil.rmtree(home, ignore_errors=True)
    pages = everything()
    for page in pages:
        _copy(page.path, home)
        for target in targets(page):
            if target.is_file():
                _copy(target, home)
    (home / "zensical.toml").write_text(tomli_w.dumps(configuration(pages)), "utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(home / "zensical.toml")]
    return subprocess.run(command, cwd=home, check=False).returncode


def targets(page: Page) -> list[Path]:
    """The files that a page links to, whether or not they are there."""
    local = (link.partition("#")[0] for link in page.links if "://" not in link)
    return [(page.path.parent / link).resolve() for link in local if link]


def configuration(pages: tuple[Page, ...]) -> dict[str, object]:
    """What zensical is told: no fonts from elsewhere, no scripts from elsewhere, and where each page stands."""
    led = reached(pages)
    ordered = led + [page for page in pages if page not in led]
    top = [{title(page): page.name} for page in ordered if not any(s in page.path.parents for s in SECTIONS.values())]
    sections = [
        {name: [{title(page): page.name} for page in ordered if folder in page.path.parents]}
        for name, folder in SECTIONS.items()
    ]
    return {
        "project": {
            "site_name": "rooflog",
            "docs_dir": "pages",
            "site_dir": "html",
            "use_directory_urls": False,
            "nav": [*top, *sections],
            "theme": {"font": False, "features": ["navigation.top", "content.code.copy"]},
            "validation": {"invalid_links": True, "invalid_link_anchors": True, "unresolved_references": True},
        }
    }


def reached(pages: tuple[Page, ...]) -> list[Page]:
    """The pages that links lead to, from the README on, in the order of those links."""
    by_path = {page.path: page for page in pages}
    found = [by_path[ROOT / "README.md"]]
    for page in found:
        found += [
            by_path[path] for path in dict.fromkeys(targets(page)) if path in by_path and by_path[path] not in found
        ]
    return found


def title(page: Page) -> str:
    """What the navigation calls a page."""
    return TITLES.get(page.name) or page.headings[0][1]


def _copy(path: Path, home: Path) -> None:
    copy = home / "pages" / path.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)

"""`make screenshots`: every page at four widths in both themes, as pictures to look at.

Beside the sample day there is what the pages must bear: Markdown, a table of 200 kB, stored scripts, a long word.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.runtime.nats_server import EmbeddedServer
from tests.services.conftest import address
from tests.services.web.browser import PAGES, Visitor, capture, chromium, publish_raw
from tests.services.web.conftest import Site

WIDTHS = (320, 768, 1024, 1440)
THEMES = ("light", "dark")
REFUSED = ("unknown", "sign-in")
"""Pages whose requests are refused, as they have to be."""

SETTLED_MS = 700
"""Until a page has read everything that it shows."""

TABLE = "| roof | lap | nail |\n|---|---|---|\n" + "| Shingle of the third kind | 50 mm | copper |\n" * 4_500
MARKDOWN = """**Yes.** Flash it with steps:

| Roof | Lap | Nail |
|---|---|---|
| Shingle | 50 mm | copper |

1. Strip two courses
   - lap 100 mm

```
lap = 100 / tan(pitch)
```

<script>document.title = "taken over"</script> [a link](javascript:document.title='taken')
"""
HOSTILE = "How is the roof's flashing sealed? <script>document.title = 'taken over'</script> " + "x" * 300


@contextmanager
def day() -> Iterator[tuple[Site, list[str]]]:
    """The sample day and what pages must bear, with all services; and the ids of the latter."""
    with tempfile.TemporaryDirectory(prefix="rooflog-screenshots-") as home, EmbeddedServer(Path(home)) as server:
        site = Site(Path(home), ROOFLOG_SUGGEST_URL="http://127.0.0.1:9/v1")
        site.server = address(server)
        try:
            for name in ("projector", "exporter", "web"):
                site.start(name)
            site.until_answering()
            site.cli.run("demo")
            ids = capture(site, "Depot North", "How do I flash a chimney on a slate roof?", conversation="chimney")
            ids += capture(
                site, "Depot North", "And on shingles?", response=MARKDOWN, conversation="chimney", follows=ids[0]
            )
            ids += capture(site, "Depot North", "All laps of our roofs, please.", response=TABLE)
            ids += capture(site, "Depot North", HOSTILE)
            publish_raw(site, "training.example.captured.a.bad", b"<script>alert(1)</script> \xff")
            yield site, ids
        finally:
            site.close()


def main(folder: Path) -> int:
    """Take the pictures; 1 where a page complained or scrolls sideways."""
    folder.mkdir(parents=True, exist_ok=True)
    problems = []
    with day() as (site, ids), chromium() as browser:
        pages = {path.strip("/") or "dashboard": path for path in PAGES}
        pages |= {f"example-{number}": f"/examples/{example_id}" for number, example_id in enumerate(ids)}
        pages |= {
            "desk-waiting": "/review?project=Depot+North",
            "search": "/examples?text=flashing",
            "api": "/api/",
            "404": "/nowhere",
        }
        for theme in THEMES:
            visitor = Visitor(browser, site, "operator", color_scheme=theme)
            stranger = Visitor(browser, site, None, color_scheme=theme)
            for name, path in [*pages.items(), ("sign-in", "/sign-in")]:
                who = stranger if name == "sign-in" else visitor
                who.page.goto(path)
                for width in WIDTHS:
                    who.page.set_viewport_size({"width": width, "height": 900})
                    who.page.wait_for_timeout(SETTLED_MS)
                    who.page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
                    wide = who.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    problems += [f"{name} at {width}: scrolls sideways by {wide} px"] if wide > 0 else []
                sys.stdout.write(f"{name} ({theme})\n")
                problems += [f"{name}: {complaint}" for complaint in who.complaints if name not in REFUSED]
                who.complaints.clear()
                if "taken" in who.page.title():
                    problems.append(f"{name}: a stored script has run")
            visitor.close()
            stranger.close()
    sys.stdout.write("".join(f"{problem}\n" for problem in problems) or f"all well; look at {folder}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

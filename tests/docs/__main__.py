"""`python -m tests.docs` writes docs/reference/; `python -m tests.docs site` builds the website of all documents."""

from __future__ import annotations

import sys

from . import generated, site

if __name__ == "__main__":
    if sys.argv[1:] == ["site"]:
        sys.exit(site.build())
    generated.write()

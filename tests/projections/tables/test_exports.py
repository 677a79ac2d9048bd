"""Exports: what was exported and trained on, the newest first, page by page."""

from __future__ import annotations

from projections.tables import exports

from ..given import given
from ..queries.test_dashboard import exported


def test_exports_are_listed_page_by_page() -> None:
    con = given(*(exported(n, digest=f"{n:064x}") for n in range(5))).con
    before, seqs = None, []
    while page := exports.history(con, limit=2, before=before):
        seqs += [export["seq"] for export in page["exports"]]
        before = page["before"]
        if before is None:
            break
    assert seqs == [5, 4, 3, 2, 1]
    whole = exports.history(con, limit=5)
    assert (len(whole["exports"]), whole["before"]) == (5, None)
